"""Rings of Rondo: typed messages in shared memory, between processes and languages.

`Ring` and `Channel` are where producers and consumers meet; `Message` is the base of the structs
that `rondo gen --python` writes.
"""

from ._consumer import Consumer
from ._errors import RingError
from ._fields import Slab
from ._layout import Field, FieldType, Layout, fingerprint, parse_layout
from ._message import Message, Record, message_type
from ._producer import Producer
from ._ring import Channel, Ring, RingInfo, RingSpec

__all__ = [
    "Channel",
    "Consumer",
    "Field",
    "FieldType",
    "Layout",
    "Message",
    "Producer",
    "Record",
    "Ring",
    "RingError",
    "RingInfo",
    "RingSpec",
    "Slab",
    "fingerprint",
    "message_type",
    "parse_layout",
]

__version__ = "0.1.0"
