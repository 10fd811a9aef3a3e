/** Words that cannot be names in the languages that are written. */

function words(...lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.join(' ').split(' '));
}

/** Keywords of C and C++, and what their compilers and the headers used define as macros. */
export const C_RESERVED: ReadonlySet<string> = words(
  'alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t',
  'char32_t class compl concept const consteval constexpr constinit const_cast continue co_await',
  'co_return co_yield decltype default delete do double dynamic_cast else enum explicit export',
  'extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq',
  'nullptr operator or or_eq private protected public register reinterpret_cast requires restrict',
  'return short signed sizeof static static_assert static_cast struct switch template this',
  'thread_local throw true try typedef typeid typename typeof typeof_unqual union unsigned using',
  'virtual void volatile wchar_t while xor xor_eq',
  'NULL EOF errno offsetof assert stdin stdout stderr linux unix i386 near far interface',
  'int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t size_t',
);

/** Keywords of Rust, of all editions; `r#` makes a name of most. */
export const RUST_KEYWORDS: ReadonlySet<string> = words(
  'abstract as async await become box break const continue crate do dyn else enum extern false',
  'final fn for gen if impl in let loop macro match mod move mut override priv pub ref return self',
  'Self static struct super trait true try type typeof unsafe unsized use virtual where while yield',
  '_',
);

/** Those that `r#` does not help. */
export const RUST_STRICT: ReadonlySet<string> = words('crate self Self super _');

/** Keywords of Python. */
export const PYTHON_KEYWORDS: ReadonlySet<string> = words(
  'False None True and as assert async await break class continue def del elif else except finally',
  'for from global if import in is lambda nonlocal not or pass raise return try while with yield',
);

/** Attributes that rondo_ring.Message has, or ctypes gives it, or that mean something to ctypes. */
export const PYTHON_MESSAGE: ReadonlySet<string> = words(
  'NAME LAYOUT FINGERPRINT SLAB_FIELDS ENUMS DTYPE array dtype to_dict',
  'from_address from_buffer from_buffer_copy from_param in_dll mro',
  '_align_ _anonymous_ _attributes _b_base_ _b_needsfree_ _dtype _fields_ _layout _layout_ _objects',
  '_pack_ _present_offset _slab _swappedbytes_ _type_',
);
