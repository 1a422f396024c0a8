//! Devices and links of the right order of magnitude. Take one, change what is known better, go on.
//!
//! A device's rates come from two figures of its data sheet, peak float32 MAC/s and memory bandwidth, and one
//! *utilisation* stated here: the share of the peak that a good library reaches on convolutions at batch size 1.
//! Matrix products get the same share, depthwise convolutions a quarter of it (few MACs per byte). A linear
//! layer on one position reads four bytes of weights per MAC, so its rate is half the bandwidth over four bytes.
//! A test holds the two Raspberry Pis to published timings within a factor of 2.5; no more should be read into them.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InputError;
use crate::problem::Valid;
use crate::range;

/// Something that runs layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Its name on the command line, e.g. `raspberry-pi-4`.
    pub id: Cow<'static, str>,
    /// One line: what it is.
    pub about: Cow<'static, str>,
    /// How fast it works, by kind of work.
    pub rates: Rates,
    /// Time each layer takes besides its work, in seconds: launching, reading, writing.
    pub layer_overhead_s: f64,
}

/// Effective speeds by kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Convolutions, in MAC/s.
    pub conv_macs_per_s: f64,
    /// Depthwise convolutions, in MAC/s.
    pub depthwise_macs_per_s: f64,
    /// Linear layers on one position, in MAC/s: bound by reading the weights.
    pub linear_macs_per_s: f64,
    /// Products of matrices, also linear layers on several positions, in MAC/s.
    pub matmul_macs_per_s: f64,
}

impl Rates {
    /// The rates that follow from a data sheet: peak float32 speed in MAC/s, memory bandwidth in bytes/s, and the
    /// share of the peak that convolutions reach.
    /// ```
    /// use offcut_instances::dnn::Rates;
    /// assert_eq!(Rates::of(24e9, 12.8e9, 0.25).conv_macs_per_s, 6e9);
    /// assert_eq!(Rates::of(24e9, 12.8e9, 0.25).linear_macs_per_s, 1.6e9);
    /// ```
    pub const fn of(peak_macs_per_s: f64, memory_bytes_per_s: f64, utilisation: f64) -> Self {
        Self {
            conv_macs_per_s: peak_macs_per_s * utilisation,
            depthwise_macs_per_s: peak_macs_per_s * utilisation / 4.0,
            linear_macs_per_s: memory_bytes_per_s / 2.0 / 4.0,
            matmul_macs_per_s: peak_macs_per_s * utilisation,
        }
    }
}

/// A way from a device to a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Its name on the command line, e.g. `wifi5`.
    pub id: Cow<'static, str>,
    /// One line: what it is.
    pub about: Cow<'static, str>,
    /// Effective uplink, in bytes/s.
    pub uplink_bytes_per_s: f64,
    /// Round-trip time, in seconds.
    pub rtt_s: f64,
}

/// All devices, from the slowest to the fastest.
pub const fn devices() -> &'static [Device] {
    const ALL: &[Device] = &[
        RASPBERRY_PI_3B_PLUS,
        PHONE_BUDGET,
        RASPBERRY_PI_4,
        PHONE,
        SERVER_CORE,
        JETSON_NANO,
        JETSON_TX2,
        JETSON_XAVIER,
        EDGE_GPU,
    ];
    ALL
}

/// The device of the given id.
/// ```
/// assert!(offcut_instances::dnn::catalogue::device("jetson-nano").is_some());
/// ```
pub fn device(id: &str) -> Option<&'static Device> {
    devices().iter().find(|device| device.id == id)
}

/// All links, from the slowest to the fastest.
pub const fn links() -> &'static [Link] {
    const ALL: &[Link] = &[LINK_3G, LINK_4G, WIFI, LINK_5G, WIFI4, WIFI5, WIFI6];
    ALL
}

/// The link of the given id.
/// ```
/// assert_eq!(offcut_instances::dnn::catalogue::link("5g").map(|link| link.rtt_s), Some(0.03));
/// ```
pub fn link(id: &str) -> Option<&'static Link> {
    links().iter().find(|link| link.id == id)
}

const fn of(id: &'static str, about: &'static str, rates: Rates, layer_overhead_s: f64) -> Device {
    Device { id: Cow::Borrowed(id), about: Cow::Borrowed(about), rates, layer_overhead_s }
}

/// Raspberry Pi 3 Model B+, all four cores.
// BCM2837B0: 4 Cortex-A53 at 1.4 GHz, one 4-wide float32 FMA per cycle; LPDDR2-900, 32 bit. In-order cores: 20 %.
pub const RASPBERRY_PI_3B_PLUS: Device =
    of("raspberry-pi-3b-plus", "Raspberry Pi 3B+, 4 cores", Rates::of(4.0 * 1.4e9 * 4.0, 3.6e9, 0.20), 100e-6);

/// Raspberry Pi 4 Model B, all four cores.
// BCM2711: 4 Cortex-A72 at 1.5 GHz, one 4-wide float32 FMA per cycle; LPDDR4-3200, 32 bit. Out of order: 33 %.
pub const RASPBERRY_PI_4: Device =
    of("raspberry-pi-4", "Raspberry Pi 4B, 4 cores", Rates::of(4.0 * 1.5e9 * 4.0, 12.8e9, 0.33), 50e-6);

/// A cheap phone on its CPU.
// Snapdragon 450 class: 4 of 8 Cortex-A53 at 1.8 GHz, as above; LPDDR3-1866, 32 bit.
pub const PHONE_BUDGET: Device =
    of("phone-budget", "cheap phone, 4 in-order cores", Rates::of(4.0 * 1.8e9 * 4.0, 7.5e9, 0.20), 100e-6);

/// A fast phone on the big cores of its CPU.
// Snapdragon 855 class: Cortex-A76, 1 at 2.84 and 3 at 2.42 GHz, two 4-wide FMAs per cycle; LPDDR4X-4266, 64 bit.
// Heat and one core faster than the others: 25 %.
pub const PHONE: Device =
    of("phone", "fast phone, 4 big cores", Rates::of((2.84e9 + 3.0 * 2.42e9) * 8.0, 34.1e9, 0.25), 30e-6);

/// One core of an edge server.
// A Xeon or EPYC core with AVX2 at 3 GHz: two 8-wide FMAs per cycle; about 20 GB/s for a core alone. 50 %.
pub const SERVER_CORE: Device = of("server-core", "one AVX2 server core", Rates::of(3.0e9 * 16.0, 20e9, 0.50), 5e-6);

/// NVIDIA Jetson Nano on its GPU.
// 128 Maxwell cores at 0.92 GHz, one FMA each per cycle (data sheet: 472 GFLOPS in float16, half of that in
// float32); LPDDR4, 25.6 GB/s. Small kernels at batch size 1 fill a GPU badly: 35 % for all of them.
pub const JETSON_NANO: Device =
    of("jetson-nano", "Jetson Nano, 128-core GPU", Rates::of(128.0 * 0.92e9, 25.6e9, 0.35), 30e-6);

/// NVIDIA Jetson TX2 on its GPU.
// 256 Pascal cores at 1.3 GHz (data sheet: 1.33 TFLOPS in float16); LPDDR4, 59.7 GB/s.
pub const JETSON_TX2: Device =
    of("jetson-tx2", "Jetson TX2, 256-core GPU", Rates::of(256.0 * 1.3e9, 59.7e9, 0.35), 30e-6);

/// NVIDIA Jetson AGX Xavier on its GPU, without tensor cores.
// 512 Volta cores at 1.377 GHz; LPDDR4X, 137 GB/s.
pub const JETSON_XAVIER: Device =
    of("jetson-xavier", "Jetson AGX Xavier, 512-core GPU", Rates::of(512.0 * 1.377e9, 137e9, 0.35), 20e-6);

/// An inference GPU in an edge server, without tensor cores.
// NVIDIA T4: data sheet 8.1 TFLOPS in float32, 320 GB/s.
pub const EDGE_GPU: Device = of("edge-gpu", "inference GPU of 8 TFLOPS", Rates::of(8.1e12 / 2.0, 320e9, 0.35), 10e-6);

const fn uplink(id: &'static str, about: &'static str, mbit_per_s: f64, rtt_s: f64) -> Link {
    Link { id: Cow::Borrowed(id), about: Cow::Borrowed(about), uplink_bytes_per_s: mbit_per_s * 1e6 / 8.0, rtt_s }
}

// 3G, 4G and home Wi-Fi: the average uplinks of 1.1, 5.85 and 18.88 Mbit/s that work on DNN splitting has used since
// C. Hu, W. Bao, D. Wang, F. Liu, "Dynamic Adaptive DNN Surgery for Inference Acceleration on the Edge", INFOCOM 2019.
// Round trips of 3G and 4G: the usual network profiles of web performance testing (150-300 ms, 70 ms); those of all
// Wi-Fi links are by assumption.

/// 3G (HSPA).
pub const LINK_3G: Link = uplink("3g", "3G, 1.1 Mbit/s up", 1.1, 0.150);

/// 4G (LTE).
pub const LINK_4G: Link = uplink("4g", "4G, 5.85 Mbit/s up", 5.85, 0.070);

/// Home Wi-Fi with an average broadband uplink behind it.
pub const WIFI: Link = uplink("wifi", "Wi-Fi and broadband, 18.88 Mbit/s up", 18.88, 0.020);

/// 5G below 6 GHz.
// Mean uplink of 31.27 Mbit/s over 51 countries: Cellsmart, Global Cellular Performance Survey, 2022. Its round trips
// were not much below those of 4G; 30 ms is to an edge server of the operator, by assumption.
pub const LINK_5G: Link = uplink("5g", "5G, 31 Mbit/s up", 31.27, 0.030);

// Wi-Fi 4, 5, 6 to a server in the same network: the standard's highest rate with one stream (802.11n, 20 MHz: 72.2;
// ac, 80 MHz: 433.3; ax, 80 MHz: 600.5 Mbit/s), of which half is left after contention and headers.

/// Wi-Fi 4 (802.11n) to a local server.
pub const WIFI4: Link = uplink("wifi4", "Wi-Fi 4 to a local server, 36 Mbit/s", 72.2 / 2.0, 0.005);

/// Wi-Fi 5 (802.11ac) to a local server.
pub const WIFI5: Link = uplink("wifi5", "Wi-Fi 5 to a local server, 217 Mbit/s", 433.3 / 2.0, 0.004);

/// Wi-Fi 6 (802.11ax) to a local server.
pub const WIFI6: Link = uplink("wifi6", "Wi-Fi 6 to a local server, 300 Mbit/s", 600.5 / 2.0, 0.003);

impl Valid for Device {
    fn validate(&self) -> Result<(), InputError> {
        range::positive(|| "rates.conv_macs_per_s".into(), self.rates.conv_macs_per_s)?;
        range::positive(|| "rates.depthwise_macs_per_s".into(), self.rates.depthwise_macs_per_s)?;
        range::positive(|| "rates.linear_macs_per_s".into(), self.rates.linear_macs_per_s)?;
        range::positive(|| "rates.matmul_macs_per_s".into(), self.rates.matmul_macs_per_s)?;
        range::not_negative(|| "layer_overhead_s".into(), self.layer_overhead_s)
    }
}

impl Valid for Link {
    fn validate(&self) -> Result<(), InputError> {
        range::positive(|| "uplink_bytes_per_s".into(), self.uplink_bytes_per_s)?;
        range::not_negative(|| "rtt_s".into(), self.rtt_s)
    }
}
