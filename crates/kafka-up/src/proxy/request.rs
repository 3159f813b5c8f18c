//! The fields of a request, taken off its front one by one. Not their meaning.

/// What every request begins with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    /// Its kind.
    pub(super) api: i16,
    pub(super) version: i16,
    /// What its answer is known by.
    pub(super) number: [u8; 4],
}

impl Head {
    /// The head of a request with its length before it, and what comes behind.
    pub(super) fn of(frame: &[u8]) -> Option<(Self, Rest<'_>)> {
        let mut rest = Rest(frame.get(4..)?);
        let (api, version) = (rest.take()?, rest.take()?);
        let (api, version) = (i16::from_be_bytes(api), i16::from_be_bytes(version));
        Some((Self { api, version, number: rest.take()? }, rest))
    }
}

/// What is left of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    pub(super) fn skip(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.skip(N)?.try_into().ok()
    }

    /// Lengths are written with one more, so that 0 is for what is not there, seven bits a byte.
    fn length(&mut self) -> Option<usize> {
        let mut length = 0;
        for place in 0..4 {
            let [byte] = self.take()?;
            length |= usize::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return Some(length);
            }
        }
        None
    }

    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        self.skip(length.saturating_sub(1))
    }

    pub(super) fn no_tags(&mut self) -> Option<()> {
        (self.length()? == 0).then_some(())
    }

    pub(super) fn one_of_an_array(&mut self) -> Option<()> {
        (self.length()? == 2).then_some(())
    }
}
