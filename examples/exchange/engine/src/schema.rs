// Generated from ../../schema.js by
//   rondo gen ../../schema.js --rust schema.rs
// Change the schema and run that again: changes made here are lost.

#![allow(dead_code, non_camel_case_types, non_snake_case)]
#![allow(clippy::all, clippy::pedantic)]

/// What `kind` of `exchange.Command` can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CommandKind {
    Limit = 0,
    Market = 1,
    Cancel = 2,
    Orders = 3,
    Book = 4,
}

/// [`CommandKind`] in memory, where a peer may have written any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct CommandKindRaw(pub u8);

impl CommandKindRaw {
    pub const LIMIT: Self = Self(0);
    pub const MARKET: Self = Self(1);
    pub const CANCEL: Self = Self(2);
    pub const ORDERS: Self = Self(3);
    pub const BOOK: Self = Self(4);

    /// What it is; `None` for a number without a name.
    pub const fn get(self) -> core::option::Option<CommandKind> {
        match self.0 {
            0 => Some(CommandKind::Limit),
            1 => Some(CommandKind::Market),
            2 => Some(CommandKind::Cancel),
            3 => Some(CommandKind::Orders),
            4 => Some(CommandKind::Book),
            _ => None,
        }
    }
}

impl core::convert::From<CommandKind> for CommandKindRaw {
    fn from(value: CommandKind) -> Self {
        Self(value as u8)
    }
}

impl core::convert::TryFrom<CommandKindRaw> for CommandKind {
    type Error = CommandKindRaw;

    fn try_from(raw: CommandKindRaw) -> core::result::Result<Self, CommandKindRaw> {
        raw.get().ok_or(raw)
    }
}

/// What `side` of `exchange.Command` can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CommandSide {
    Buy = 0,
    Sell = 1,
}

/// [`CommandSide`] in memory, where a peer may have written any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct CommandSideRaw(pub u8);

impl CommandSideRaw {
    pub const BUY: Self = Self(0);
    pub const SELL: Self = Self(1);

    /// What it is; `None` for a number without a name.
    pub const fn get(self) -> core::option::Option<CommandSide> {
        match self.0 {
            0 => Some(CommandSide::Buy),
            1 => Some(CommandSide::Sell),
            _ => None,
        }
    }
}

impl core::convert::From<CommandSide> for CommandSideRaw {
    fn from(value: CommandSide) -> Self {
        Self(value as u8)
    }
}

impl core::convert::TryFrom<CommandSideRaw> for CommandSide {
    type Error = CommandSideRaw;

    fn try_from(raw: CommandSideRaw) -> core::result::Result<Self, CommandSideRaw> {
        raw.get().ok_or(raw)
    }
}

/// `exchange.Command`: 96 bytes.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Command {
    /// At 0.
    pub client: fields::SafeU64,
    /// At 8.
    pub sent: fields::SafeU64,
    /// At 16.
    pub kind: CommandKindRaw,
    /// At 17.
    pub side: CommandSideRaw,
    /// At 18.
    pub symbol: fields::Text<8>,
    /// At 26.
    pub account: fields::Text<24>,
    /// At 50.
    pub reference: fields::Text<36>,
    #[doc(hidden)]
    pub _pad0: [u8; 2],
    /// At 88.
    pub price: u32,
    /// At 92.
    pub quantity: u32,
}

// SAFETY: C lays the fields out as the text says, which is checked below; padding is declared;
// numbers, arrays of them and structs of them have no invalid values.
unsafe impl rondo_ring::Message for Command {
    const SCHEMA: rondo_ring::Schema = rondo_ring::Schema::new(
        "rondo-struct 1\n\
         name exchange.Command\n\
         field client safe:u64 0\n\
         field sent safe:u64 8\n\
         field kind enum:u8(limit,market,cancel,orders,book) 16\n\
         field side enum:u8(buy,sell) 17\n\
         field symbol text[8] 18\n\
         field account text[24] 26\n\
         field reference text[36] 50\n\
         field price u32 88\n\
         field quantity u32 92\n\
         size 96 align 8\n",
    );
}

const _: () = {
    assert!(core::mem::size_of::<Command>() == 96);
    assert!(core::mem::align_of::<Command>() == 8);
    assert!(core::mem::offset_of!(Command, client) == 0);
    assert!(core::mem::offset_of!(Command, sent) == 8);
    assert!(core::mem::offset_of!(Command, kind) == 16);
    assert!(core::mem::offset_of!(Command, side) == 17);
    assert!(core::mem::offset_of!(Command, symbol) == 18);
    assert!(core::mem::offset_of!(Command, account) == 26);
    assert!(core::mem::offset_of!(Command, reference) == 50);
    assert!(core::mem::offset_of!(Command, _pad0) == 86);
    assert!(core::mem::offset_of!(Command, price) == 88);
    assert!(core::mem::offset_of!(Command, quantity) == 92);
};

impl Command {
    /// All zeros: numbers are 0, texts empty, optional fields absent.
    pub const ZERO: Self = Self {
        client: fields::SafeU64(0),
        sent: fields::SafeU64(0),
        kind: CommandKindRaw(0),
        side: CommandSideRaw(0),
        symbol: fields::Text::EMPTY,
        account: fields::Text::EMPTY,
        reference: fields::Text::EMPTY,
        _pad0: [0; 2],
        price: 0,
        quantity: 0,
    };
}

impl core::default::Default for Command {
    fn default() -> Self {
        Self::ZERO
    }
}

impl core::fmt::Debug for Command {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = f.debug_struct("Command");
        shown.field("client", &self.client);
        shown.field("sent", &self.sent);
        shown.field("kind", &self.kind);
        shown.field("side", &self.side);
        shown.field("symbol", &self.symbol);
        shown.field("account", &self.account);
        shown.field("reference", &self.reference);
        shown.field("price", &self.price);
        shown.field("quantity", &self.quantity);
        shown.finish()
    }
}

/// What `kind` of `exchange.MarketEvent` can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MarketEventKind {
    Reset = 0,
    Level = 1,
    Trade = 2,
    Complete = 3,
}

/// [`MarketEventKind`] in memory, where a peer may have written any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct MarketEventKindRaw(pub u8);

impl MarketEventKindRaw {
    pub const RESET: Self = Self(0);
    pub const LEVEL: Self = Self(1);
    pub const TRADE: Self = Self(2);
    pub const COMPLETE: Self = Self(3);

    /// What it is; `None` for a number without a name.
    pub const fn get(self) -> core::option::Option<MarketEventKind> {
        match self.0 {
            0 => Some(MarketEventKind::Reset),
            1 => Some(MarketEventKind::Level),
            2 => Some(MarketEventKind::Trade),
            3 => Some(MarketEventKind::Complete),
            _ => None,
        }
    }
}

impl core::convert::From<MarketEventKind> for MarketEventKindRaw {
    fn from(value: MarketEventKind) -> Self {
        Self(value as u8)
    }
}

impl core::convert::TryFrom<MarketEventKindRaw> for MarketEventKind {
    type Error = MarketEventKindRaw;

    fn try_from(raw: MarketEventKindRaw) -> core::result::Result<Self, MarketEventKindRaw> {
        raw.get().ok_or(raw)
    }
}

/// What `side` of `exchange.MarketEvent` can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MarketEventSide {
    Buy = 0,
    Sell = 1,
}

/// [`MarketEventSide`] in memory, where a peer may have written any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct MarketEventSideRaw(pub u8);

impl MarketEventSideRaw {
    pub const BUY: Self = Self(0);
    pub const SELL: Self = Self(1);

    /// What it is; `None` for a number without a name.
    pub const fn get(self) -> core::option::Option<MarketEventSide> {
        match self.0 {
            0 => Some(MarketEventSide::Buy),
            1 => Some(MarketEventSide::Sell),
            _ => None,
        }
    }
}

impl core::convert::From<MarketEventSide> for MarketEventSideRaw {
    fn from(value: MarketEventSide) -> Self {
        Self(value as u8)
    }
}

impl core::convert::TryFrom<MarketEventSideRaw> for MarketEventSide {
    type Error = MarketEventSideRaw;

    fn try_from(raw: MarketEventSideRaw) -> core::result::Result<Self, MarketEventSideRaw> {
        raw.get().ok_or(raw)
    }
}

/// `exchange.MarketEvent`: 56 bytes.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct MarketEvent {
    /// At 0.
    pub sequence: fields::SafeU64,
    /// At 8.
    pub kind: MarketEventKindRaw,
    /// At 9.
    pub side: MarketEventSideRaw,
    /// At 10.
    pub symbol: fields::Text<8>,
    #[doc(hidden)]
    pub _pad0: [u8; 2],
    /// At 20.
    pub price: u32,
    /// At 24.
    pub orders: u32,
    #[doc(hidden)]
    pub _pad1: [u8; 4],
    /// At 32.
    pub quantity: fields::SafeU64,
    /// At 40.
    pub trade: fields::SafeU64,
    /// At 48.
    pub time: fields::SafeU64,
}

// SAFETY: C lays the fields out as the text says, which is checked below; padding is declared;
// numbers, arrays of them and structs of them have no invalid values.
unsafe impl rondo_ring::Message for MarketEvent {
    const SCHEMA: rondo_ring::Schema = rondo_ring::Schema::new(
        "rondo-struct 1\n\
         name exchange.MarketEvent\n\
         field sequence safe:u64 0\n\
         field kind enum:u8(reset,level,trade,complete) 8\n\
         field side enum:u8(buy,sell) 9\n\
         field symbol text[8] 10\n\
         field price u32 20\n\
         field orders u32 24\n\
         field quantity safe:u64 32\n\
         field trade safe:u64 40\n\
         field time safe:u64 48\n\
         size 56 align 8\n",
    );
}

const _: () = {
    assert!(core::mem::size_of::<MarketEvent>() == 56);
    assert!(core::mem::align_of::<MarketEvent>() == 8);
    assert!(core::mem::offset_of!(MarketEvent, sequence) == 0);
    assert!(core::mem::offset_of!(MarketEvent, kind) == 8);
    assert!(core::mem::offset_of!(MarketEvent, side) == 9);
    assert!(core::mem::offset_of!(MarketEvent, symbol) == 10);
    assert!(core::mem::offset_of!(MarketEvent, _pad0) == 18);
    assert!(core::mem::offset_of!(MarketEvent, price) == 20);
    assert!(core::mem::offset_of!(MarketEvent, orders) == 24);
    assert!(core::mem::offset_of!(MarketEvent, _pad1) == 28);
    assert!(core::mem::offset_of!(MarketEvent, quantity) == 32);
    assert!(core::mem::offset_of!(MarketEvent, trade) == 40);
    assert!(core::mem::offset_of!(MarketEvent, time) == 48);
};

impl MarketEvent {
    /// All zeros: numbers are 0, texts empty, optional fields absent.
    pub const ZERO: Self = Self {
        sequence: fields::SafeU64(0),
        kind: MarketEventKindRaw(0),
        side: MarketEventSideRaw(0),
        symbol: fields::Text::EMPTY,
        _pad0: [0; 2],
        price: 0,
        orders: 0,
        _pad1: [0; 4],
        quantity: fields::SafeU64(0),
        trade: fields::SafeU64(0),
        time: fields::SafeU64(0),
    };
}

impl core::default::Default for MarketEvent {
    fn default() -> Self {
        Self::ZERO
    }
}

impl core::fmt::Debug for MarketEvent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = f.debug_struct("MarketEvent");
        shown.field("sequence", &self.sequence);
        shown.field("kind", &self.kind);
        shown.field("side", &self.side);
        shown.field("symbol", &self.symbol);
        shown.field("price", &self.price);
        shown.field("orders", &self.orders);
        shown.field("quantity", &self.quantity);
        shown.field("trade", &self.trade);
        shown.field("time", &self.time);
        shown.finish()
    }
}

/// What `kind` of `exchange.Report` can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ReportKind {
    Accepted = 0,
    Rejected = 1,
    Filled = 2,
    Canceled = 3,
    Open = 4,
    Listed = 5,
}

/// [`ReportKind`] in memory, where a peer may have written any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct ReportKindRaw(pub u8);

impl ReportKindRaw {
    pub const ACCEPTED: Self = Self(0);
    pub const REJECTED: Self = Self(1);
    pub const FILLED: Self = Self(2);
    pub const CANCELED: Self = Self(3);
    pub const OPEN: Self = Self(4);
    pub const LISTED: Self = Self(5);

    /// What it is; `None` for a number without a name.
    pub const fn get(self) -> core::option::Option<ReportKind> {
        match self.0 {
            0 => Some(ReportKind::Accepted),
            1 => Some(ReportKind::Rejected),
            2 => Some(ReportKind::Filled),
            3 => Some(ReportKind::Canceled),
            4 => Some(ReportKind::Open),
            5 => Some(ReportKind::Listed),
            _ => None,
        }
    }
}

impl core::convert::From<ReportKind> for ReportKindRaw {
    fn from(value: ReportKind) -> Self {
        Self(value as u8)
    }
}

impl core::convert::TryFrom<ReportKindRaw> for ReportKind {
    type Error = ReportKindRaw;

    fn try_from(raw: ReportKindRaw) -> core::result::Result<Self, ReportKindRaw> {
        raw.get().ok_or(raw)
    }
}

/// What `reason` of `exchange.Report` can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ReportReason {
    None = 0,
    ByClient = 1,
    NoCounterparty = 2,
    SelfTrade = 3,
    UnknownSymbol = 4,
    UnknownOrder = 5,
    BadPrice = 6,
    BadQuantity = 7,
    BadReference = 8,
    BadCommand = 9,
    TooManyOrders = 10,
    TooLate = 11,
}

/// [`ReportReason`] in memory, where a peer may have written any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct ReportReasonRaw(pub u8);

impl ReportReasonRaw {
    pub const NONE: Self = Self(0);
    pub const BY_CLIENT: Self = Self(1);
    pub const NO_COUNTERPARTY: Self = Self(2);
    pub const SELF_TRADE: Self = Self(3);
    pub const UNKNOWN_SYMBOL: Self = Self(4);
    pub const UNKNOWN_ORDER: Self = Self(5);
    pub const BAD_PRICE: Self = Self(6);
    pub const BAD_QUANTITY: Self = Self(7);
    pub const BAD_REFERENCE: Self = Self(8);
    pub const BAD_COMMAND: Self = Self(9);
    pub const TOO_MANY_ORDERS: Self = Self(10);
    pub const TOO_LATE: Self = Self(11);

    /// What it is; `None` for a number without a name.
    pub const fn get(self) -> core::option::Option<ReportReason> {
        match self.0 {
            0 => Some(ReportReason::None),
            1 => Some(ReportReason::ByClient),
            2 => Some(ReportReason::NoCounterparty),
            3 => Some(ReportReason::SelfTrade),
            4 => Some(ReportReason::UnknownSymbol),
            5 => Some(ReportReason::UnknownOrder),
            6 => Some(ReportReason::BadPrice),
            7 => Some(ReportReason::BadQuantity),
            8 => Some(ReportReason::BadReference),
            9 => Some(ReportReason::BadCommand),
            10 => Some(ReportReason::TooManyOrders),
            11 => Some(ReportReason::TooLate),
            _ => None,
        }
    }
}

impl core::convert::From<ReportReason> for ReportReasonRaw {
    fn from(value: ReportReason) -> Self {
        Self(value as u8)
    }
}

impl core::convert::TryFrom<ReportReasonRaw> for ReportReason {
    type Error = ReportReasonRaw;

    fn try_from(raw: ReportReasonRaw) -> core::result::Result<Self, ReportReasonRaw> {
        raw.get().ok_or(raw)
    }
}

/// What `side` of `exchange.Report` can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ReportSide {
    Buy = 0,
    Sell = 1,
}

/// [`ReportSide`] in memory, where a peer may have written any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct ReportSideRaw(pub u8);

impl ReportSideRaw {
    pub const BUY: Self = Self(0);
    pub const SELL: Self = Self(1);

    /// What it is; `None` for a number without a name.
    pub const fn get(self) -> core::option::Option<ReportSide> {
        match self.0 {
            0 => Some(ReportSide::Buy),
            1 => Some(ReportSide::Sell),
            _ => None,
        }
    }
}

impl core::convert::From<ReportSide> for ReportSideRaw {
    fn from(value: ReportSide) -> Self {
        Self(value as u8)
    }
}

impl core::convert::TryFrom<ReportSideRaw> for ReportSide {
    type Error = ReportSideRaw;

    fn try_from(raw: ReportSideRaw) -> core::result::Result<Self, ReportSideRaw> {
        raw.get().ok_or(raw)
    }
}

/// `exchange.Report`: 216 bytes.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Report {
    /// At 0.
    pub client: fields::SafeU64,
    /// At 8.
    pub order: fields::SafeU64,
    /// At 16.
    pub trade: fields::SafeU64,
    /// At 24.
    pub kind: ReportKindRaw,
    /// At 25.
    pub reason: ReportReasonRaw,
    /// At 26.
    pub repeated: fields::Bool,
    /// At 27.
    pub side: ReportSideRaw,
    /// At 28.
    pub symbol: fields::Text<8>,
    /// At 36.
    pub account: fields::Text<24>,
    /// At 60.
    pub reference: fields::Text<36>,
    /// At 96.
    pub price: u32,
    /// At 100.
    pub quantity: u32,
    /// At 104.
    pub remaining: u32,
    /// At 108.
    pub paid: u32,
    /// At 112.
    pub traded: u32,
    /// At 116.
    pub detail: fields::Text<96>,
    #[doc(hidden)]
    pub _pad0: [u8; 4],
}

// SAFETY: C lays the fields out as the text says, which is checked below; padding is declared;
// numbers, arrays of them and structs of them have no invalid values.
unsafe impl rondo_ring::Message for Report {
    const SCHEMA: rondo_ring::Schema = rondo_ring::Schema::new(
        "rondo-struct 1\n\
         name exchange.Report\n\
         field client safe:u64 0\n\
         field order safe:u64 8\n\
         field trade safe:u64 16\n\
         field kind enum:u8(accepted,rejected,filled,canceled,open,listed) 24\n\
         field reason enum:u8(none,by_client,no_counterparty,self_trade,unknown_symbol,unknown_order,bad_price,bad_quantity,bad_reference,bad_command,too_many_orders,too_late) 25\n\
         field repeated bool 26\n\
         field side enum:u8(buy,sell) 27\n\
         field symbol text[8] 28\n\
         field account text[24] 36\n\
         field reference text[36] 60\n\
         field price u32 96\n\
         field quantity u32 100\n\
         field remaining u32 104\n\
         field paid u32 108\n\
         field traded u32 112\n\
         field detail text[96] 116\n\
         size 216 align 8\n",
    );
}

const _: () = {
    assert!(core::mem::size_of::<Report>() == 216);
    assert!(core::mem::align_of::<Report>() == 8);
    assert!(core::mem::offset_of!(Report, client) == 0);
    assert!(core::mem::offset_of!(Report, order) == 8);
    assert!(core::mem::offset_of!(Report, trade) == 16);
    assert!(core::mem::offset_of!(Report, kind) == 24);
    assert!(core::mem::offset_of!(Report, reason) == 25);
    assert!(core::mem::offset_of!(Report, repeated) == 26);
    assert!(core::mem::offset_of!(Report, side) == 27);
    assert!(core::mem::offset_of!(Report, symbol) == 28);
    assert!(core::mem::offset_of!(Report, account) == 36);
    assert!(core::mem::offset_of!(Report, reference) == 60);
    assert!(core::mem::offset_of!(Report, price) == 96);
    assert!(core::mem::offset_of!(Report, quantity) == 100);
    assert!(core::mem::offset_of!(Report, remaining) == 104);
    assert!(core::mem::offset_of!(Report, paid) == 108);
    assert!(core::mem::offset_of!(Report, traded) == 112);
    assert!(core::mem::offset_of!(Report, detail) == 116);
    assert!(core::mem::offset_of!(Report, _pad0) == 212);
};

impl Report {
    /// All zeros: numbers are 0, texts empty, optional fields absent.
    pub const ZERO: Self = Self {
        client: fields::SafeU64(0),
        order: fields::SafeU64(0),
        trade: fields::SafeU64(0),
        kind: ReportKindRaw(0),
        reason: ReportReasonRaw(0),
        repeated: fields::Bool::FALSE,
        side: ReportSideRaw(0),
        symbol: fields::Text::EMPTY,
        account: fields::Text::EMPTY,
        reference: fields::Text::EMPTY,
        price: 0,
        quantity: 0,
        remaining: 0,
        paid: 0,
        traded: 0,
        detail: fields::Text::EMPTY,
        _pad0: [0; 4],
    };
}

impl core::default::Default for Report {
    fn default() -> Self {
        Self::ZERO
    }
}

impl core::fmt::Debug for Report {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = f.debug_struct("Report");
        shown.field("client", &self.client);
        shown.field("order", &self.order);
        shown.field("trade", &self.trade);
        shown.field("kind", &self.kind);
        shown.field("reason", &self.reason);
        shown.field("repeated", &self.repeated);
        shown.field("side", &self.side);
        shown.field("symbol", &self.symbol);
        shown.field("account", &self.account);
        shown.field("reference", &self.reference);
        shown.field("price", &self.price);
        shown.field("quantity", &self.quantity);
        shown.field("remaining", &self.remaining);
        shown.field("paid", &self.paid);
        shown.field("traded", &self.traded);
        shown.field("detail", &self.detail);
        shown.finish()
    }
}

/// Types of fields. All their bit patterns are valid.
pub mod fields {
    use core::fmt;

    /// UTF-8 in `N` bytes, padded with zeros. A peer may have written anything.
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

    /// A number that is exact in JavaScript too: at most 2^53 - 1.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[repr(transparent)]
    pub struct SafeU64(pub u64);

    impl SafeU64 {
        /// The largest.
        pub const MAX: u64 = (1 << 53) - 1;

        /// `None` when it is outside.
        pub const fn new(value: u64) -> Option<Self> {
            if value <= Self::MAX {
                Some(Self(value))
            } else {
                None
            }
        }

        /// What it is; `None` when a peer wrote what is outside.
        pub const fn get(self) -> Option<u64> {
            match Self::new(self.0) {
                Some(inside) => Some(inside.0),
                None => None,
            }
        }
    }
}
