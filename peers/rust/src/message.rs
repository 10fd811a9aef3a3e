//! What goes through rings: structs with a schema, and references into the slab.

use core::mem::MaybeUninit;

use crate::ring::Schema;

/// A struct that may lie in the slots of a ring.
///
/// ```
/// use rondo_ring::{Message, Schema};
///
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Trade {
///     id: u64,
///     price: f64,
///     quantity: u32,
///     side: u8,
///     padding: [u8; 3],
/// }
///
/// // SAFETY: `repr(C)`, the fields are where the schema says, every byte belongs to a field,
/// // and every value of those bytes is valid (`side` is a number, not an enum).
/// unsafe impl Message for Trade {
///     const SCHEMA: Schema = Schema::new(
///         "rondo-struct 1\nname md.Trade\nfield id u64 0\nfield price f64 8\n\
///          field quantity u32 16\nfield side enum:u8(buy,sell) 20\nsize 24 align 8\n",
///     );
/// }
/// ```
///
/// # Safety
/// - The type is `repr(C)`, and its fields lie at the offsets, with the sizes, of the schema;
///   its size and alignment are the schema's (both are also checked at compile time).
/// - Every byte belongs to a field: padding is declared as a field.
/// - Every value of those bytes is a valid value of the type: another process may write what it
///   likes. So no `bool`, no `enum`, no `char`, no reference: `u8` for the first two.
pub unsafe trait Message: Copy + 'static {
    /// Its schema.
    const SCHEMA: Schema;
}

/// A reference to text or bytes in the slab: the type of `slab:text` and `slab:bytes` fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct SlabRef {
    /// Where it begins. Only the ring that it came from can read it.
    pub position: u32,
    /// Its length in bytes.
    pub length: u32,
}

/// The message of rings with records of variable length: `rondo.Record`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Record {
    /// What it is, by agreement of the two sides.
    pub kind: u32,
    /// Its bytes.
    pub payload: SlabRef,
}

// SAFETY: `repr(C)`, three words without padding, at the offsets that the schema states.
unsafe impl Message for Record {
    const SCHEMA: Schema = Schema::new(
        "rondo-struct 1\nname rondo.Record\nfield type u32 0\n\
         field payload slab:bytes 4\nsize 12 align 4\n",
    );
}

/// Stops compilation when a type's size or alignment is not its schema's.
pub(crate) struct Layout<T>(core::marker::PhantomData<T>);

impl<T: Message> Layout<T> {
    pub(crate) const CHECKED: () = {
        assert!(size_of::<T>() == T::SCHEMA.size(), "a message has the size of its schema");
        assert!(align_of::<T>() == T::SCHEMA.align(), "a message has its schema's alignment");
    };
}

/// The bytes of a message.
#[inline(always)]
pub(crate) fn bytes_of<T: Message>(message: &T) -> &[u8] {
    // SAFETY: `Message` promises that every byte belongs to a field, so all are initialised; the
    // slice borrows the message.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(message).cast(), size_of::<T>()) }
}

/// A message from its bytes, which `fill` must write all.
#[inline(always)]
pub(crate) fn from_bytes<T: Message>(fill: impl FnOnce(&mut [MaybeUninit<u8>])) -> T {
    let mut message = MaybeUninit::<T>::zeroed();
    fill(bytes_of_uninit(&mut message));
    // SAFETY: zeroed before, so initialised whatever `fill` did; `Message` promises that every
    // value of the bytes is valid.
    unsafe { message.assume_init() }
}

/// The bytes of a message that is not there yet.
#[inline(always)]
pub(crate) fn bytes_of_uninit<T: Message>(message: &mut MaybeUninit<T>) -> &mut [MaybeUninit<u8>] {
    let first = message.as_mut_ptr().cast::<MaybeUninit<u8>>();
    // SAFETY: the bytes of one `T`, borrowed for as long as the slice lives; `MaybeUninit<u8>`
    // has no invalid values and the alignment of a byte.
    unsafe { core::slice::from_raw_parts_mut(first, size_of::<T>()) }
}

/// The bytes of as many messages as the slice has room for.
#[inline(always)]
pub(crate) fn bytes_of_slice<T: Message>(
    messages: &mut [MaybeUninit<T>],
) -> &mut [MaybeUninit<u8>] {
    let bytes = size_of_val(messages);
    let first = messages.as_mut_ptr().cast::<MaybeUninit<u8>>();
    // SAFETY: as in `bytes_of_uninit`, for all elements: they lie one after the other.
    unsafe { core::slice::from_raw_parts_mut(first, bytes) }
}
