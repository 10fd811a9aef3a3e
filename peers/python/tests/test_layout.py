"""Canonical texts: read, made, and refused."""

from __future__ import annotations

import random
import unittest

from rondo_ring import fingerprint, parse_layout
from tests.conformance_message import Message

TEXT = (
    "rondo-struct 1\n"
    "name md.Order\n"
    "field id u64 0\n"
    "field live bool 8\n"
    "field _present presence 12\n"
    "field limit optional:0(f32) 16\n"
    "field leg optional:1(struct(md.Leg{ratio u8 0;price f64 8}16/8)) 24\n"
    "field marks array[3](text[4]) 40\n"
    "field sides array[2](enum:u16(buy,sell)) 52\n"
    "field legs array[2](struct(md.Leg{ratio u8 0;price f64 8}16/8)) 56\n"
    "field note optional:2(slab:text) 88\n"
    "field key bytes[3] 96\n"
    "field change safe:i64 104\n"
    "field caps flags:u32(a,b) 112\n"
    "size 120 align 8\n"
)


class ParseLayoutTest(unittest.TestCase):
    def test_gives_the_same_text_again(self) -> None:
        for text in (TEXT, Message.LAYOUT):
            self.assertEqual(parse_layout(text).text, text)

    def test_knows_places_and_presence(self) -> None:
        layout = parse_layout(TEXT)
        self.assertEqual((layout.name, layout.size, layout.alignment), ("md.Order", 120, 8))
        self.assertEqual(layout.presence_offset, 12)
        fields = {field.name: (field.offset, field.presence) for field in layout.fields}
        self.assertEqual(fields["limit"], (16, 0))
        self.assertEqual(fields["leg"], (24, 1))
        self.assertEqual(fields["caps"], (112, -1))
        self.assertTrue(layout.has_slab)

    def test_refuses_what_is_not_canonical(self) -> None:
        changes = {
            "u64 0\n": "u64 8\n",
            "size 120": "size 128",
            "_present presence 12": "_present presence 16",
            "optional:1": "optional:3",
            "presence 12\n": "presence 12\nfield _present presence 12\n",
            "live bool": "id bool",
            "field live": "field _pad0",
            "array[3](text[4])": "array[0](text[4])",
            "array[2](enum:u16(buy,sell))": "array[2](array[1](u32))",
            "enum:u16(buy,sell)": "enum:u16(buy,buy)",
            "flags:u32(a,b)": "flags:f32(a,b)",
            "bytes[3]": "bytes[03]",
            "rondo-struct 1": "rondo-struct 2",
            "safe:i64": "safe:u32",
            "md.Order": "md..Order",
            "align 8\n": "align 8\nX",
        }
        for good, bad in changes.items():
            text = TEXT.replace(good, bad)
            self.assertNotEqual(text, TEXT)
            with self.subTest(bad), self.assertRaises(ValueError):
                parse_layout(text)

    def test_refuses_structs_that_are_nested_too_deep(self) -> None:
        kind = "u8"
        for depth in range(12):
            kind = f"struct(a{depth}{{x {kind} 0}}1/1)"
            text = f"rondo-struct 1\nname top\nfield x {kind} 0\nsize 1 align 1\n"
            # The whole is one struct too, and there may be 8.
            if depth < 7:
                self.assertEqual(parse_layout(text).text, text)
            else:
                with self.assertRaises(ValueError):
                    parse_layout(text)

    def test_takes_mutations_for_what_they_are(self) -> None:
        """Whatever a peer wrote as its schema: a layout in its own right, or a ValueError."""
        source = random.Random(4)
        for _ in range(3000):
            text = list(TEXT)
            for _ in range(source.randint(1, 3)):
                at = source.randrange(len(text))
                text[at : at + source.randint(0, 2)] = source.choice("0189a_ [](){};:,\nuf")
            mutated = "".join(text)
            try:
                self.assertEqual(parse_layout(mutated).text, mutated)
            except ValueError:
                pass

    def test_fingerprint_is_that_of_the_message(self) -> None:
        self.assertEqual(fingerprint(Message.LAYOUT), Message.FINGERPRINT)
