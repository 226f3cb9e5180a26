//! The fields of TensorFlow's `event.proto` and `summary.proto`, and of TensorBoard's `hparams` plugin, that are written.

use prost::Message;
use std::collections::BTreeMap;

/// First message of every event file.
const VERSION: &str = "brain.Event:2";
/// The plugin for settings, and the tag under which it looks for those of a run.
const SETTINGS_PLUGIN: &str = "hparams";
const SETTINGS_TAG: &str = "_hparams_/session_start_info";

/// `event.proto`: one of `file_version` and `summary`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    #[prost(double, tag = "1")]
    pub(super) wall_time: f64,
    #[prost(int64, tag = "2")]
    pub(super) step: i64,
    #[prost(string, optional, tag = "3")]
    pub(super) file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub(super) summary: Option<Summary>,
}

/// `summary.proto`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

/// `Summary.Value`: one of its values.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    // Optional, so that a zero is written rather than left out.
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
    #[prost(message, optional, tag = "4")]
    image: Option<Image>,
    #[prost(message, optional, tag = "5")]
    histogram: Option<Histogram>,
    #[prost(message, optional, tag = "9")]
    metadata: Option<Metadata>,
}

/// `Summary.Image`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    /// 4: red, green, blue and alpha.
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded: Vec<u8>,
}

/// `HistogramProto`: counts of the buckets below each limit.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Histogram {
    #[prost(double, tag = "1")]
    min: f64,
    #[prost(double, tag = "2")]
    max: f64,
    #[prost(double, tag = "3")]
    count: f64,
    #[prost(double, tag = "4")]
    sum: f64,
    #[prost(double, tag = "5")]
    sum_squares: f64,
    #[prost(double, repeated, tag = "6")]
    limits: Vec<f64>,
    #[prost(double, repeated, tag = "7")]
    counts: Vec<f64>,
}

/// `SummaryMetadata`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin: Option<Plugin>,
}

/// `SummaryMetadata.PluginData`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Plugin {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes = "vec", tag = "2")]
    content: Vec<u8>,
}

/// `HParamsPluginData`, of which a run writes the start of a session only.
#[derive(Clone, PartialEq, Message)]
struct Settings {
    #[prost(message, optional, tag = "3")]
    session: Option<Session>,
}

/// `SessionStartInfo`.
#[derive(Clone, PartialEq, Message)]
struct Session {
    #[prost(btree_map = "string, message", tag = "1")]
    settings: BTreeMap<String, Setting>,
    #[prost(double, tag = "5")]
    start: f64,
}

/// `google.protobuf.Value`: one of a number, a text and a truth value.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Setting {
    #[prost(double, optional, tag = "2")]
    number: Option<f64>,
    #[prost(string, optional, tag = "3")]
    text: Option<String>,
    #[prost(bool, optional, tag = "4")]
    flag: Option<bool>,
}

impl Event {
    pub(super) fn version(wall_time: f64) -> Self {
        Event { wall_time, file_version: Some(VERSION.into()), ..Default::default() }
    }

    pub(super) fn scalar(step: i64, tag: &str, value: f64, wall_time: f64) -> Self {
        let value = Value { tag: tag.into(), simple_value: Some(value as f32), ..Default::default() };
        Event::of(step, value, wall_time)
    }

    /// An encoded image, as wide and high as `size` says.
    pub(super) fn image(step: i64, tag: &str, encoded: &[u8], size: [u32; 2], wall_time: f64) -> Self {
        let [width, height] = size.map(|side| i32::try_from(side).unwrap_or(i32::MAX));
        let image = Image { height, width, colorspace: 4, encoded: encoded.to_vec() };
        Event::of(step, Value { tag: tag.into(), image: Some(image), ..Default::default() }, wall_time)
    }

    pub(super) fn histogram(step: i64, tag: &str, values: &[f64], wall_time: f64) -> Self {
        let histogram = Some(Histogram::of(values));
        Event::of(step, Value { tag: tag.into(), histogram, ..Default::default() }, wall_time)
    }

    pub(super) fn settings(settings: BTreeMap<String, Setting>, wall_time: f64) -> Self {
        let content = Settings { session: Some(Session { settings, start: wall_time }) }.encode_to_vec();
        let plugin = Some(Plugin { name: SETTINGS_PLUGIN.into(), content });
        let metadata = Some(Metadata { plugin });
        Event::of(0, Value { tag: SETTINGS_TAG.into(), metadata, ..Default::default() }, wall_time)
    }

    fn of(step: i64, value: Value, wall_time: f64) -> Self {
        Event { wall_time, step, summary: Some(Summary { values: vec![value] }), ..Default::default() }
    }
}

/// Buckets of a histogram.
const BUCKETS: usize = 30;

impl Histogram {
    /// Of finite values, in buckets of one width.
    fn of(values: &[f64]) -> Self {
        let (min, max) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)));
        let width = ((max - min) / BUCKETS as f64).max(f64::MIN_POSITIVE);
        let mut counts = vec![0.0; BUCKETS];
        for value in values {
            counts[(((value - min) / width) as usize).min(BUCKETS - 1)] += 1.0;
        }
        let limits =
            (1..=BUCKETS).map(|bucket| if bucket == BUCKETS { max } else { min + width * bucket as f64 });
        Histogram {
            min,
            max,
            count: values.len() as f64,
            sum: values.iter().sum(),
            sum_squares: values.iter().map(|x| x * x).sum(),
            limits: limits.collect(),
            counts,
        }
    }
}

/// The settings of a tree, each by its path, such as `training.batch`; absent ones and lists of tables are left out.
pub(super) fn flattened(tree: &serde_json::Value) -> BTreeMap<String, Setting> {
    fn walk(at: &str, tree: &serde_json::Value, into: &mut BTreeMap<String, Setting>) {
        use serde_json::Value as Json;
        let setting = match tree {
            Json::Null => return,
            Json::Object(fields) => {
                for (name, value) in fields {
                    let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                    walk(&at, value, into);
                }
                return;
            }
            Json::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => return,
            Json::Bool(flag) => Setting { flag: Some(*flag), ..Default::default() },
            Json::Number(number) => Setting { number: number.as_f64(), ..Default::default() },
            Json::String(text) => Setting { text: Some(text.clone()), ..Default::default() },
            list @ Json::Array(_) => Setting { text: Some(list.to_string()), ..Default::default() },
        };
        into.insert(at.to_owned(), setting);
    }
    let mut settings = BTreeMap::new();
    walk("", tree, &mut settings);
    settings
}
