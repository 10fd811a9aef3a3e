"""Messages: attributes that take and give Python values over the bytes of a C struct."""

from __future__ import annotations

import copy
import ctypes
import pickle
import struct
import unittest
from typing import Any

import rondo_ring
from tests.conformance_message import Message, MessageSide, MessageTags
from tests.test_layout import TEXT

Order: Any = rondo_ring.message_type(TEXT)


class MessageTest(unittest.TestCase):
    def test_bytes_are_those_of_c(self) -> None:
        message = Message(
            producer=1,
            sequence=2,
            value=1.5,
            big=2**64 - 1,
            side=MessageSide.sell,
            tags=MessageTags.a | MessageTags.c,
            symbol="AÄ",
            small=-2,
            pair=(0.5, -1),
        )
        symbol = "AÄ".encode()
        image = struct.pack("<IIdQBB8shff20x", 1, 2, 1.5, 2**64 - 1, 1, 5, symbol, -2, 0.5, -1)
        self.assertEqual(bytes(message), image)
        self.assertEqual(Message.from_buffer_copy(image), message)

    def test_gives_python_values(self) -> None:
        message = Message(
            side="sell", tags=5, symbol="AÄ", pair=[1, 2], note="n", data=bytearray(2)
        )
        self.assertIs(message.side, MessageSide.sell)
        self.assertEqual(message.tags, MessageTags.a | MessageTags.c)
        self.assertEqual((message.symbol, message.pair), ("AÄ", (1.0, 2.0)))
        self.assertEqual((message.note, message.data), ("n", b"\0\0"))
        self.assertEqual(Message(**message.to_dict()), message)

    def test_refuses_what_peers_would_misread(self) -> None:
        message = Message()
        refused: list[tuple[str, Any]] = [
            ("producer", -1),
            ("producer", 2**32),
            ("big", 2**64),
            ("small", 2**15),
            ("side", 2),
            ("side", "hold"),
            ("tags", 8),
            ("symbol", "123456789"),
            ("symbol", "a\0b"),
            ("pair", (1, 2, 3)),
        ]
        for name, value in refused:
            with self.subTest(name=name, value=value), self.assertRaises(ValueError):
                setattr(message, name, value)
        for name, value in (("producer", 1.5), ("symbol", b"a"), ("note", b"a"), ("data", "a")):
            with self.subTest(name=name, value=value), self.assertRaises(TypeError):
                setattr(message, name, value)
        self.assertEqual(message, Message())

    def test_shorter_text_leaves_nothing_of_the_longer(self) -> None:
        message = Message(symbol="12345678")
        message.symbol = "1"
        self.assertEqual(bytes(message)[26:34], b"1" + bytes(7))

    def test_reads_whatever_a_peer_wrote(self) -> None:
        message = Message.from_buffer_copy(b"\xff" * 64)
        self.assertEqual(message.symbol, "\ufffd" * 8)
        for name in ("side", "tags"):
            with self.assertRaises(ValueError):
                getattr(message, name)
        self.assertIn("side=<invalid>", repr(message))
        self.assertIs(Order.from_buffer_copy(b"\xff" * 120).live, True)

    def test_optional_fields_are_none(self) -> None:
        order = Order()
        self.assertEqual((order.limit, order.leg, order.note), (None, None, None))
        order.limit, order.leg, order.note = 2.5, {"ratio": 3, "price": 1.0}, ""
        self.assertEqual((order.limit, order.leg.to_dict()), (2.5, {"ratio": 3, "price": 1.0}))
        self.assertEqual((order.note, order._present), ("", 3))
        order.limit = order.note = None
        self.assertEqual((order.limit, order.note, order._present), (None, None, 2))
        self.assertEqual(bytes(order)[16:20], bytes(4))

    def test_nested_structs_are_in_place(self) -> None:
        order = Order(marks=("a", "bé", "cdef"), sides=("sell", 0), key=b"abc", change=-(2**53) + 1)
        order.legs[1].ratio = 7
        self.assertEqual([leg.ratio for leg in order.legs], [0, 7])
        self.assertEqual(order.marks, ("a", "bé", "cdef"))
        self.assertEqual(order.sides, (1, 0))
        self.assertEqual(order.key, b"abc")
        with self.assertRaises(ValueError):
            order.change = 2**53
        with self.assertRaises(TypeError):
            order.legs = (Message(), Message())
        self.assertEqual(Order(**order.to_dict()), order)

    def test_copies_and_pickles_with_what_is_in_the_slab(self) -> None:
        message = Message(producer=1, note="n", data=b"d")
        self.assertEqual(pickle.loads(pickle.dumps(message)), message)
        self.assertEqual(copy.copy(message), message)


class DeclarationTest(unittest.TestCase):
    def test_is_what_the_text_says(self) -> None:
        made: Any = rondo_ring.message_type(Message.LAYOUT)
        self.assertEqual(made.DTYPE, Message.DTYPE)
        self.assertEqual(list(made._fields_), list(Message._fields_))
        self.assertEqual(made.SLAB_FIELDS, Message.SLAB_FIELDS)
        self.assertEqual((made.NAME, made.FINGERPRINT), (Message.NAME, Message.FINGERPRINT))

    def test_names_that_are_taken_get_an_underscore(self) -> None:
        text = "rondo-struct 1\nname a\nfield class u8 0\nfield LAYOUT u8 1\nsize 2 align 1\n"
        made: Any = rondo_ring.message_type(text)
        self.assertEqual(made(class_=1, LAYOUT_=2).to_dict(), {"class_": 1, "LAYOUT_": 2})
        names = ["__init__", "_fields_", "__doc__", "_pack_", "mro", "array", "_slab", "_present_"]
        lines = "".join(f"field {name} u8 {i}\n" for i, name in enumerate(names))
        text = f"rondo-struct 1\nname a\n{lines}size {len(names)} align 1\n"
        values = range(len(names))
        self.assertEqual(bytes(rondo_ring.message_type(text)(*values)), bytes(values))
        odd = "rondo-struct 1\nname a\nfield x enum:u8(mro,_x_,None,mro_) 0\nsize 1 align 1\n"
        self.assertEqual(len(rondo_ring.message_type(odd).ENUMS["x"]), 4)

    def test_must_match_its_text(self) -> None:
        text = "rondo-struct 1\nname a.B\nfield x u32 0\nfield y u8 4\nsize 8 align 4\n"
        good: dict[str, Any] = {
            "NAME": "a.B",
            "LAYOUT": text,
            "FINGERPRINT": rondo_ring.fingerprint(text),
            "_fields_": [
                ("x", ctypes.c_uint32),
                ("y", ctypes.c_uint8),
                ("_pad0", ctypes.c_uint8 * 3),
            ],
        }
        kind: Any = type(rondo_ring.Message)
        self.assertEqual(kind("B", (rondo_ring.Message,), dict(good))(x=3).x, 3)
        fields: list[Any] = good["_fields_"]
        for change in (
            {"FINGERPRINT": 1},
            {"_fields_": fields[:1]},
            {"_fields_": [("x", ctypes.c_float), *fields[1:]]},
            {"_fields_": [("x", ctypes.c_uint16), *fields[1:]]},
            {"_fields_": [("to_dict", ctypes.c_uint32), *fields[1:]]},
            {"_fields_": [*fields[:1], ("z", ctypes.c_uint8), *fields[1:]]},
        ):
            with self.subTest(change), self.assertRaises(TypeError):
                kind("B", (rondo_ring.Message,), {**good, **change})

    def test_record_is_that_of_the_specification(self) -> None:
        record = rondo_ring.Record(type=3, payload=b"abc")
        self.assertEqual((record.type, record.payload), (3, b"abc"))
        self.assertEqual(ctypes.sizeof(rondo_ring.Record), 12)
