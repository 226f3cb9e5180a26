//! Matches the columns of a later file or stream with those of the schema.

use crate::error::IntakeError;
use crate::schema::notice::Notice;
use crate::schema::{Field, FieldKind, Format, Schema};
use crate::stream::reader::ReadOptions;
use crate::text::cells::{self, Cell};
use crate::text::head::begins_json;
use crate::text::missing::MissingWords;
use crate::text::parse::{ParseKind, RowParser, StampCells, Syntax, Target, cells_of, is_blank};
use crate::text::recognise::{DELIMITERS, recognise_delimiter};
use crate::text::written;
use std::collections::{HashMap, HashSet};

/// How to read the lines of a file.
pub(crate) struct Matched {
    pub parser: RowParser,
    /// Whether the first line names the columns.
    pub header: bool,
    pub notices: Vec<Notice>,
}

/// Matches the columns by the first line that is not blank.
pub(crate) fn match_first_line(
    schema: &Schema,
    first: &[u8],
    options: &ReadOptions,
) -> Result<Matched, IntakeError> {
    let differs = |reason: String| IntakeError::Schema { name: options.name.clone(), reason };
    let mut matched = Matched { parser: bare(schema), header: false, notices: Vec::new() };
    let delimiter =
        options.delimiter.map_or_else(|| delimiter_of(schema, first), |delimiter| delimiter as u8);
    if begins_json(first, options.format) || is_torn_json(schema, first, delimiter, options) {
        matched.parser.syntax = Syntax::Json;
        matched.parser.names = targets(schema, options);
        matched.parser.label = options.label.clone();
        by_position(schema, schema.cells, options, &mut matched.parser).map_err(differs)?;
        return Ok(matched);
    }
    let delimiter =
        options.delimiter.map_or_else(|| delimiter_of(schema, first), |delimiter| delimiter as u8);
    matched.parser.syntax = Syntax::Csv { delimiter };
    let names: Vec<String> = cells_of(first, delimiter)
        .unwrap_or_default()
        .iter()
        .map(|cell| String::from_utf8_lossy(cell).into_owned())
        .collect();
    matched.header = options.header.unwrap_or_else(|| is_header(schema, &names));
    let learned_names = !matches!(schema.format, Format::Csv { header: false, .. });
    if matched.header && learned_names {
        by_header(schema, &names, options, &mut matched).map_err(differs)?;
    } else {
        by_position(schema, names.len(), options, &mut matched.parser).map_err(differs)?;
    }
    Ok(matched)
}

fn bare(schema: &Schema) -> RowParser {
    let kind = |field: &Field| match &field.kind {
        FieldKind::Number { .. } => ParseKind::number(&field.format, &field.sentinels),
        kind @ FieldKind::Category { .. } => {
            ParseKind::Category(kind.codes().map(|(value, code)| (value.as_bytes().into(), code)).collect())
        }
    };
    RowParser {
        syntax: Syntax::Json,
        columns: schema.fields.iter().map(|field| (field.name.clone(), kind(field))).collect(),
        targets: Vec::new(),
        names: HashMap::new(),
        stamp: schema.timestamp.as_ref().map(|stamp| StampCells {
            name: stamp.name.clone(),
            format: stamp.format,
            clock: stamp.clock.as_ref().map(|clock| clock.name.clone()),
        }),
        label: None,
        group: schema.group.as_ref().map(|group| group.name.clone()),
        missing: MissingWords::of(&schema.missing),
        strict: false,
        kept: None,
    }
}

/// Whether a first line that does not begin like JSON is the rest of a truncated JSON line: the training file
/// was JSON, and no delimiter splits the line into a row.
fn is_torn_json(schema: &Schema, first: &[u8], delimiter: u8, options: &ReadOptions) -> bool {
    let auto = options.format == crate::FormatChoice::Auto && options.delimiter.is_none();
    auto && schema.format == Format::Json && !is_blank(first) && !fits(schema, first, delimiter)
}

/// Whether a delimiter splits a line into names of the schema, or into one of the allowed [`widths`].
fn fits(schema: &Schema, line: &[u8], delimiter: u8) -> bool {
    let cells = cells_of(line, delimiter).unwrap_or_default();
    let names: HashSet<&[u8]> = schema.fields.iter().map(|field| field.name.as_bytes()).collect();
    let named = cells.iter().filter(|cell| names.contains(cell.as_slice()));
    named.count() * 2 > schema.fields.len() || widths(schema).contains(&cells.len())
}

/// Whether a first line is not one of the table, but may precede its header.
pub(crate) fn may_precede_header(schema: &Schema, line: &[u8], options: &ReadOptions) -> bool {
    let has_header = matches!(schema.format, Format::Csv { header: true, .. });
    // Words of a preamble are no cells.
    let spaced = matches!(schema.format, Format::Csv { delimiter: ' ', .. });
    let fits = |delimiter: &u8| (spaced || *delimiter != b' ') && fits(schema, line, *delimiter);
    let delimiter = options.delimiter.map(|delimiter| delimiter as u8);
    has_header
        && options.header != Some(false)
        && !begins_json(line, options.format)
        && !delimiter.map_or_else(|| DELIMITERS.iter().any(fits), |delimiter| fits(&delimiter))
}

/// Whether a delimiter splits a line into the names of most columns.
pub(crate) fn has_names(schema: &Schema, line: &[u8]) -> bool {
    let names: HashSet<&[u8]> = schema.fields.iter().map(|field| field.name.as_bytes()).collect();
    let line = crate::text::parse::lines(line).next().unwrap_or_default();
    DELIMITERS.into_iter().any(|delimiter| {
        let cells = cells_of(line, delimiter).unwrap_or_default();
        let named: HashSet<&[u8]> =
            cells.iter().map(Vec::as_slice).filter(|cell| names.contains(cell)).collect();
        2 * named.len() > names.len()
    })
}

/// The training file's delimiter if it [`fits`] the line, else another delimiter that fits. If none fits, the
/// training file's, or for JSON the one that splits the line into numbers.
fn delimiter_of(schema: &Schema, first: &[u8]) -> u8 {
    let learned = match schema.format {
        Format::Csv { delimiter, .. } => delimiter as u8,
        Format::Json => b',',
    };
    let mut candidates = [learned].into_iter().chain(DELIMITERS);
    candidates.find(|&delimiter| fits(schema, first, delimiter)).unwrap_or_else(|| match schema.format {
        Format::Csv { .. } => learned,
        Format::Json => recognise_delimiter(first),
    })
}

/// Allowed numbers of cells in a line without names: all columns of the training file, only the features and
/// the times, or only the features; the column of groups, if any, is always there.
fn widths(schema: &Schema) -> [usize; 3] {
    let data = schema.fields.len() + usize::from(schema.group.is_some());
    [schema.cells, data + time_columns(schema).count(), data]
}

/// Name, position and target of the columns of times.
fn time_columns(schema: &Schema) -> impl Iterator<Item = (&String, usize, Target)> {
    let columns = schema.timestamp.iter().flat_map(|stamp| stamp.columns());
    columns.zip([Target::Stamp, Target::Clock]).map(|((name, position), target)| (name, position, target))
}

/// A header has the name of a column of the schema, or only texts although the schema has numbers.
fn is_header(schema: &Schema, cells: &[String]) -> bool {
    let names: HashSet<&str> = schema
        .fields
        .iter()
        .map(|field| field.name.as_str())
        .chain(time_columns(schema).map(|(name, ..)| name.as_str()))
        .chain(schema.group.as_ref().map(|group| group.name.as_str()))
        .collect();
    let is_name = |cell: &String| names.contains(cell.trim());
    let numbers = schema.fields.iter().any(|field| matches!(field.kind, FieldKind::Number { .. }));
    // A number with a unit or a decimal comma is none of the names.
    let is_text = |cell: &[u8]| cells::parse(cell) == Cell::Text && written::take_apart(cell).is_none();
    let texts = cells.iter().all(|cell| is_text(cell.trim().as_bytes()));
    let learned_names = matches!(schema.format, Format::Csv { header: true, .. } | Format::Json);
    let as_wide = widths(schema).contains(&cells.len());
    (learned_names && cells.iter().any(is_name))
        || (numbers && texts && (as_wide || (learned_names && cells.len() > 1)))
}

/// The target of each column, by name.
fn targets(schema: &Schema, options: &ReadOptions) -> HashMap<String, Target> {
    let data =
        schema.fields.iter().enumerate().map(|(index, field)| (field.name.clone(), Target::Data(index)));
    let stamp = time_columns(schema).map(|(name, _, target)| (name.clone(), target));
    let group = schema.group.as_ref().map(|group| (group.name.clone(), Target::Group));
    // A requested label takes precedence over the column's role in the schema.
    data.chain(stamp).chain(group).chain(options.label.clone().map(|label| (label, Target::Label))).collect()
}

fn by_header(
    schema: &Schema,
    header: &[String],
    options: &ReadOptions,
    matched: &mut Matched,
) -> Result<(), String> {
    let names = crate::columns::find::unique_names(Some(header), header.len());
    let there: HashSet<&str> = names.iter().map(String::as_str).collect();
    let known: HashSet<&String> = schema.ignored.iter().chain(&schema.label).collect();
    let targets = targets(schema, options);
    let mut order = Vec::new();
    for name in &names {
        let target = targets.get(name).copied().unwrap_or(Target::Skip);
        matched.parser.targets.push(target);
        let is_known = known.contains(name);
        match target {
            Target::Skip if !is_known => matched.notices.push(Notice::ExtraColumn { column: name.clone() }),
            Target::Data(field) => order.push(schema.fields[field].position),
            _ => {}
        }
    }
    let missing: Vec<&str> = schema
        .fields
        .iter()
        .map(|field| field.name.as_str())
        .chain(time_columns(schema).map(|(name, ..)| name.as_str()))
        .filter(|name| !there.contains(name))
        .collect();
    let shown = |names: &[&str]| {
        let mut shown: Vec<String> = names.iter().take(10).map(|name| format!("`{name}`")).collect();
        shown.extend((names.len() > 10).then(|| format!("… ({} in all)", names.len())));
        shown.join(", ")
    };
    if let Some(group) = schema.group.as_ref().filter(|group| !there.contains(group.name.as_str())) {
        let there: Vec<&str> = names.iter().map(String::as_str).collect();
        return Err(format!(
            "it has no column `{}`, which names the group of each row; its columns: {}",
            group.name,
            shown(&there)
        ));
    }
    if 2 * order.len() < schema.fields.len() {
        let there: Vec<&str> = names.iter().map(String::as_str).collect();
        let (missing, there) = (shown(&missing), shown(&there));
        return Err(format!("it has no column {missing}; its columns: {there}"));
    }
    matched.notices.extend(missing.iter().map(|name| Notice::MissingColumn { column: (*name).to_owned() }));
    if !order.is_sorted() {
        matched.notices.push(Notice::Reordered);
    }
    if let Some(label) = &options.label {
        if !there.contains(label.as_str()) {
            let there: Vec<&str> = names.iter().map(String::as_str).collect();
            return Err(format!("there is no label column `{label}`; its columns: {}", shown(&there)));
        }
        matched.parser.label = Some(label.clone());
    }
    Ok(())
}

/// Matches lines without names by position: all columns of the training file, or only the features (and
/// times) in the same order. With any other width each line is reported as bad by itself, because a stream
/// may begin with a bad line.
fn by_position(
    schema: &Schema,
    width: usize,
    options: &ReadOptions,
    parser: &mut RowParser,
) -> Result<(), String> {
    let stamp = time_columns(schema).map(|(_, position, target)| (position, target));
    let fields = schema.fields.iter().enumerate().map(|(index, field)| (field.position, Target::Data(index)));
    let group = schema.group.as_ref().map(|group| (group.position, Target::Group));
    let mut data: Vec<(usize, Target)> = fields.chain(group).collect();
    let [_, with_times, alone] = widths(schema);
    if width == schema.cells || (width != with_times && width != alone) {
        parser.targets = vec![Target::Skip; schema.cells];
        data.into_iter().chain(stamp).for_each(|(position, target)| parser.targets[position] = target);
    } else {
        data.extend(stamp.filter(|_| width == with_times));
        data.sort_unstable_by_key(|&(position, _)| position);
        parser.targets = data.into_iter().map(|(_, target)| target).collect();
    }
    if let Some(label) = options.label.as_ref().filter(|_| parser.syntax != Syntax::Json) {
        let digits = label.strip_prefix('c').unwrap_or(label);
        let free =
            digits.parse().ok().filter(|&position| parser.targets.get(position) == Some(&Target::Skip));
        let position: usize = free.ok_or_else(|| {
            format!(
                "there is no label column `{label}` besides the learned columns; give its position from 0"
            )
        })?;
        parser.targets[position] = Target::Label;
        parser.label = Some(label.clone());
    }
    Ok(())
}
