//! Windows that slide over images, and the convolutions that use them.

/// Height and width of a kernel, stride, padding or dilation. A single number means both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair(pub usize, pub usize);

impl From<usize> for Pair {
    fn from(both: usize) -> Self {
        Self(both, both)
    }
}

impl From<[usize; 2]> for Pair {
    fn from([height, width]: [usize; 2]) -> Self {
        Self(height, width)
    }
}

/// A window that slides over height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its height and width.
    pub kernel: Pair,
    /// How far it moves at a time.
    pub stride: Pair,
    /// Padding before and after.
    pub padding: Pair,
    /// More padding below and on the right.
    pub padding_after: usize,
    /// Distance of its taps.
    pub dilation: Pair,
    /// Whether the last window may reach beyond the padding.
    pub ceil: bool,
}

impl Window {
    /// A window of the given size, in steps of 1, without padding.
    pub fn new(kernel: impl Into<Pair>) -> Self {
        let kernel = kernel.into();
        Self { kernel, stride: Pair(1, 1), padding: Pair(0, 0), padding_after: 0, dilation: Pair(1, 1), ceil: false }
    }

    /// The same in steps of `stride`.
    #[must_use]
    pub fn stride(self, stride: impl Into<Pair>) -> Self {
        Self { stride: stride.into(), ..self }
    }

    /// The same with `padding` before and after.
    #[must_use]
    pub fn padding(self, padding: impl Into<Pair>) -> Self {
        Self { padding: padding.into(), ..self }
    }

    /// The same with `more` padding below and on the right only.
    #[must_use]
    pub fn padding_after(self, more: usize) -> Self {
        Self { padding_after: more, ..self }
    }

    /// The same with a last window that may reach beyond the padding (but starts within the input or the padding
    /// before it).
    #[must_use]
    pub fn ceil(self) -> Self {
        Self { ceil: true, ..self }
    }

    /// Positions along one side of `size`.
    fn positions(&self, size: usize, side: fn(Pair) -> usize) -> usize {
        let (kernel, stride, padding) = (side(self.kernel), side(self.stride), side(self.padding));
        assert!(kernel > 0 && stride > 0, "a window has a size and moves");
        let reach = side(self.dilation) * (kernel - 1) + 1;
        let padded = size + 2 * padding + self.padding_after;
        assert!(reach <= padded, "a window of {reach} does not fit into {padded}");
        let steps = padded - reach;
        match self.ceil {
            false => steps / stride + 1,
            true => {
                let last = steps.div_ceil(stride);
                if last * stride >= size + padding { last } else { last + 1 }
            }
        }
    }

    /// Positions along height and width.
    pub(super) fn slide(&self, height: usize, width: usize) -> (usize, usize) {
        (self.positions(height, |pair| pair.0), self.positions(width, |pair| pair.1))
    }
}

/// A convolution: `channels` filters over a window, with a bias unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Channels of the output.
    pub channels: usize,
    /// What a filter sees.
    pub window: Window,
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// Whether a number per channel is added.
    pub bias: bool,
}

impl Conv {
    /// A convolution to `channels` channels.
    pub fn new(channels: usize, kernel: impl Into<Pair>) -> Self {
        Self { channels, window: Window::new(kernel), groups: 1, bias: true }
    }

    /// The same in steps of `stride`.
    #[must_use]
    pub fn stride(self, stride: impl Into<Pair>) -> Self {
        Self { window: self.window.stride(stride), ..self }
    }

    /// The same with `padding` on all sides.
    #[must_use]
    pub fn padding(self, padding: impl Into<Pair>) -> Self {
        Self { window: self.window.padding(padding), ..self }
    }

    /// The same with gaps: taps `dilation` apart.
    #[must_use]
    pub fn dilation(self, dilation: impl Into<Pair>) -> Self {
        Self { window: Window { dilation: dilation.into(), ..self.window }, ..self }
    }

    /// The same in `groups` groups of channels.
    #[must_use]
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// The same without a bias, as before a normalisation.
    #[must_use]
    pub fn no_bias(self) -> Self {
        Self { bias: false, ..self }
    }
}
