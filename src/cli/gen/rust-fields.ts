/** The types of fields that a generated Rust module brings along, those that it uses. */

/** What the module may need. */
export interface FieldsNeeded {
  readonly text: boolean;
  readonly bool: boolean;
  readonly safe: ReadonlySet<'u64' | 'i64'>;
}

const TEXT = `
    /// UTF-8 in \`N\` bytes, padded with zeros. A peer may have written anything.
    #[derive(Clone, Copy, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct Text<const N: usize>(pub [u8; N]);

    /// Why a text does not fit into a field.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum TextError {
        /// It has more bytes than the field.
        TooLong,
        /// It has a zero in it, which would end it.
        HasZero,
    }

    impl fmt::Display for TextError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(match self {
                TextError::TooLong => "the text is longer than its field",
                TextError::HasZero => "the text has a zero in it",
            })
        }
    }

    impl core::error::Error for TextError {}

    impl<const N: usize> Text<N> {
        /// No text.
        pub const EMPTY: Self = Self([0; N]);

        /// The text as a field.
        ///
        /// # Errors
        /// When it is too long or has a zero in it.
        pub fn new(text: &str) -> Result<Self, TextError> {
            let mut field = Self::EMPTY;
            field.set(text)?;
            Ok(field)
        }

        /// Writes a text; the field stays as it was when that fails.
        ///
        /// # Errors
        /// When it is too long or has a zero in it.
        pub fn set(&mut self, text: &str) -> Result<(), TextError> {
            let bytes = text.as_bytes();
            if bytes.len() > N {
                return Err(TextError::TooLong);
            }
            if bytes.contains(&0) {
                return Err(TextError::HasZero);
            }
            self.0 = [0; N];
            self.0[..bytes.len()].copy_from_slice(bytes);
            Ok(())
        }

        /// The bytes before the first zero.
        pub fn as_bytes(&self) -> &[u8] {
            let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(N);
            &self.0[..end]
        }

        /// The text.
        ///
        /// # Errors
        /// When it is no UTF-8.
        pub fn as_str(&self) -> Result<&str, core::str::Utf8Error> {
            core::str::from_utf8(self.as_bytes())
        }
    }

    impl<const N: usize> Default for Text<N> {
        fn default() -> Self {
            Self::EMPTY
        }
    }

    impl<const N: usize> fmt::Debug for Text<N> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self.as_str() {
                Ok(text) => fmt::Debug::fmt(text, f),
                Err(_) => fmt::Debug::fmt(self.as_bytes(), f),
            }
        }
    }
`;

const BOOL = `
    /// False is 0, and any other number is true.
    #[derive(Clone, Copy, Default)]
    #[repr(transparent)]
    pub struct Bool(pub u8);

    impl Bool {
        /// False.
        pub const FALSE: Self = Self(0);
        /// True.
        pub const TRUE: Self = Self(1);

        /// What it is.
        pub const fn get(self) -> bool {
            self.0 != 0
        }
    }

    impl From<bool> for Bool {
        fn from(value: bool) -> Self {
            Self(value as u8)
        }
    }

    impl PartialEq for Bool {
        fn eq(&self, other: &Self) -> bool {
            self.get() == other.get()
        }
    }

    impl Eq for Bool {}

    impl fmt::Debug for Bool {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            fmt::Debug::fmt(&self.get(), f)
        }
    }
`;

const SAFE_RANGES = {
  u64: 'value <= Self::MAX',
  i64: '-Self::MAX <= value && value <= Self::MAX',
} as const;

function safe(base: 'u64' | 'i64'): string {
  const name = `Safe${base.toUpperCase()}`;
  return `
    /// A number that is exact in JavaScript too: ${base === 'u64' ? 'at most' : 'within'} 2^53 - 1.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[repr(transparent)]
    pub struct ${name}(pub ${base});

    impl ${name} {
        /// The largest.
        pub const MAX: ${base} = (1 << 53) - 1;

        /// \`None\` when it is outside.
        pub const fn new(value: ${base}) -> Option<Self> {
            if ${SAFE_RANGES[base]} {
                Some(Self(value))
            } else {
                None
            }
        }

        /// What it is; \`None\` when a peer wrote what is outside.
        pub const fn get(self) -> Option<${base}> {
            match Self::new(self.0) {
                Some(inside) => Some(inside.0),
                None => None,
            }
        }
    }
`;
}

/** The module \`fields\`; empty when nothing of it is needed. */
export function rustFields({ text, bool, safe: bases }: FieldsNeeded): string {
  const parts = [
    ...(text ? [TEXT] : []),
    ...(bool ? [BOOL] : []),
    ...[...bases].sort().map((base) => safe(base)),
  ];
  if (parts.length === 0) return '';
  const imports = text || bool ? '    use core::fmt;\n' : '';
  const body = `${imports}${parts.join('')}`.replace(/^\n/, '');
  return `\n/// Types of fields. All their bit patterns are valid.\npub mod fields {\n${body}}\n`;
}
