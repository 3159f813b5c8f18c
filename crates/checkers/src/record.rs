//! The bytes of a record, after `docs/formats/record.md`. A second reading of that page, on purpose.

/// The head of a lane.
pub type Head = [u8; 32];

/// The bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a record: {0}")]
pub struct NotARecord(pub &'static str);

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in its frame, from 0.
    pub place: u16,
    /// Records in its frame.
    pub of: u16,
    /// The epoch of its writer; of a claim the one it begins.
    pub epoch: u64,
    /// Its number in the lane; 0 for a claim.
    pub seq: u64,
    /// What it says.
    pub body: Body,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A node takes the lane.
    Claim {
        /// Which node.
        node: String,
    },
    /// Something happened.
    Event(Event),
    /// Something was asked and did not happen.
    Outcome(Outcome),
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Microseconds since 1970.
    pub recorded_at: i64,
    /// Its id, as people write it.
    pub id: String,
    /// Its stream, as `post-0190...`.
    pub stream: String,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// Whose data it is.
    pub tenant: String,
    /// Keyed hash over scope and idempotency key.
    pub key: Option<[u8; 16]>,
    /// Its type.
    pub event_type: String,
    /// The encoded event.
    pub datum: Vec<u8>,
}

/// An outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Microseconds since 1970.
    pub recorded_at: i64,
    /// The stream that was asked.
    pub stream: String,
    /// Its version then.
    pub version: u64,
    /// Keyed hash over scope and idempotency key.
    pub key: Option<[u8; 16]>,
    /// What was answered, as the page numbers it.
    pub verdict: u8,
}

impl Outcome {
    /// The stream was at another version than the command expected: nothing is kept under its key.
    pub const OTHER_VERSION: u8 = 4;
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], NotARecord> {
        let parts = self.0.split_at_checked(count).ok_or(NotARecord("it ends in a field"))?;
        self.0 = parts.1;
        Ok(parts.0)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], NotARecord> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn byte(&mut self) -> Result<u8, NotARecord> {
        Ok(self.array::<1>()?[0])
    }

    fn short(&mut self) -> Result<u16, NotARecord> {
        self.array().map(u16::from_le_bytes)
    }

    fn long(&mut self) -> Result<u64, NotARecord> {
        self.array().map(u64::from_le_bytes)
    }

    fn time(&mut self) -> Result<i64, NotARecord> {
        self.array().map(i64::from_le_bytes)
    }

    fn text(&mut self) -> Result<String, NotARecord> {
        let len = self.short()?;
        let bytes = self.take(usize::from(len))?;
        String::from_utf8(bytes.to_vec()).map_err(|_| NotARecord("a text is not UTF-8"))
    }

    fn uuid(&mut self) -> Result<String, NotARecord> {
        let hex = format!("{:032x}", u128::from_be_bytes(self.array()?));
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Ok(parts.join("-"))
    }

    fn stream(&mut self) -> Result<String, NotARecord> {
        let category = self.text()?;
        Ok(format!("{category}-{}", self.uuid()?))
    }

    fn end(&self) -> Result<(), NotARecord> {
        if self.0.is_empty() { Ok(()) } else { Err(NotARecord("it goes on behind its end")) }
    }
}

impl Record {
    /// The record at the front of `bytes`, and its length.
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), NotARecord> {
        let mut length = Fields(bytes);
        let rest = u32::from_le_bytes(length.array()?) as usize;
        let mut fields = Fields(length.take(rest)?);
        if fields.byte()? != 1 {
            return Err(NotARecord("its format is not 1"));
        }
        let kind = fields.byte()?;
        let (place, of) = (fields.short()?, fields.short()?);
        let (epoch, seq) = (fields.long()?, fields.long()?);
        let body = match kind {
            0 => claim(fields)?,
            1 => Body::Event(event(fields)?),
            2 => Body::Outcome(outcome(fields)?),
            _ => return Err(NotARecord("its kind is unknown")),
        };
        Ok((Self { place, of, epoch, seq, body }, rest + 4))
    }
}

fn claim(mut fields: Fields<'_>) -> Result<Body, NotARecord> {
    fields.uuid()?;
    fields.time()?;
    let node = fields.text()?;
    fields.text()?;
    fields.end()?;
    Ok(Body::Claim { node })
}

fn event(mut fields: Fields<'_>) -> Result<Event, NotARecord> {
    let recorded_at = fields.time()?;
    let id = fields.uuid()?;
    let stream = fields.stream()?;
    let version = fields.long()?;
    let tenant = fields.text()?;
    fields.text()?;
    fields.uuid()?;
    let flags = fields.byte()?;
    let key = if flags & 1 != 0 { Some(fields.array()?) } else { None };
    let skipped = [(2, 16), (4, 16), (8, 25)];
    for (_, bytes) in skipped.into_iter().filter(|(flag, _)| flags & flag != 0) {
        fields.take(bytes)?;
    }
    let event_type = fields.text()?;
    fields.long()?;
    let datum = fields.0.to_vec();
    Ok(Event { recorded_at, id, stream, version, tenant, key, event_type, datum })
}

fn outcome(mut fields: Fields<'_>) -> Result<Outcome, NotARecord> {
    let recorded_at = fields.time()?;
    let stream = fields.stream()?;
    let version = fields.long()?;
    fields.text()?;
    fields.text()?;
    fields.uuid()?;
    let key = if fields.byte()? == 1 { Some(fields.array()?) } else { None };
    fields.take(16)?;
    let verdict = fields.byte()?;
    fields.text()?;
    fields.text()?;
    fields.end()?;
    Ok(Outcome { recorded_at, stream, version, key, verdict })
}
