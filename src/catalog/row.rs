//! Typed access to the cells of a row, in order.

use super::Malformed;
use crate::model::{Name, OperatorName, Qualified, RoutineName, Symbol};

/// One value; texts stand in their rows' memory.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Text(Place),
    /// Which of the arrays.
    Texts(u32),
}

/// Where a text stands: its begin, and its length in the lower 30 bits, for a PostgreSQL value has less than 1 GB.
/// There can be millions of cells, which are half as large again with two whole numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place(u64);

impl Place {
    const LENGTH: u32 = 30;

    fn new(at: usize, length: usize) -> Self {
        Self((at as u64) << Self::LENGTH | length as u64)
    }

    fn behind(self, more: usize) -> Self {
        Self(self.0 + ((more as u64) << Self::LENGTH))
    }

    fn range(self) -> std::ops::Range<usize> {
        let (at, length) = ((self.0 >> Self::LENGTH) as usize, (self.0 & ((1 << Self::LENGTH) - 1)) as usize);
        at..at + length
    }
}

/// The rows of one query: all cells in one list and all texts in one string, because there can be millions.
///
/// A [`Reader`](super::Reader) fills them in cell by cell, row after row.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    query: &'static str,
    width: usize,
    cells: Vec<Cell>,
    texts: String,
    arrays: Vec<Vec<String>>,
}

impl Rows {
    /// No rows yet, each of which will have this many cells.
    pub fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }
    /// The next cell is null.
    pub fn null(&mut self) {
        self.cells.push(Cell::Null);
    }
    /// The next cell is a boolean.
    pub fn bool(&mut self, value: bool) {
        self.cells.push(Cell::Bool(value));
    }
    /// The next cell is a number or an OID.
    pub fn int(&mut self, value: i64) {
        self.cells.push(Cell::Int(value));
    }
    /// The next cell is a text, a name or a `"char"`.
    pub fn text(&mut self, value: &str) {
        self.cells.push(Cell::Text(Place::new(self.texts.len(), value.len())));
        self.texts.push_str(value);
    }
    /// The next cell is an array of texts.
    pub fn texts(&mut self, values: Vec<String>) {
        self.cells.push(Cell::Texts(self.arrays.len() as u32));
        self.arrays.push(values);
    }

    /// The next cell is this one; no catalog query brings bytes.
    pub fn cell(&mut self, cell: super::Cell) {
        match cell {
            super::Cell::Null | super::Cell::Bytes(_) => self.null(),
            super::Cell::Bool(value) => self.bool(value),
            super::Cell::Int(value) => self.int(value),
            super::Cell::Text(value) => self.text(&value),
            super::Cell::TextArray(values) => self.texts(values),
        }
    }

    /// More rows of the same query.
    pub fn append(&mut self, mut more: Self) {
        if self.cells.is_empty() {
            *self = more;
            return;
        }
        let (texts, arrays) = (self.texts.len(), self.arrays.len() as u32);
        self.cells.extend(more.cells.iter().map(|cell| match *cell {
            Cell::Text(place) => Cell::Text(place.behind(texts)),
            Cell::Texts(which) => Cell::Texts(arrays + which),
            other => other,
        }));
        self.texts.push_str(&more.texts);
        self.arrays.append(&mut more.arrays);
    }

    /// The same as rows of this query.
    pub(super) fn of(self, query: &'static str) -> Self {
        Self { query, ..self }
    }
    fn slice(&self, place: Place) -> &str {
        &self.texts[place.range()]
    }
    pub(super) fn iter(&self) -> impl Iterator<Item = Fields<'_>> {
        self.cells.chunks_exact(self.width.max(1)).map(|row| Fields { rows: self, cells: row.iter(), column: 0 })
    }
    pub(super) fn len(&self) -> usize {
        self.cells.len().checked_div(self.width).unwrap_or(0)
    }
}

/// One row, read from left to right.
#[derive(Clone)]
pub(super) struct Fields<'r> {
    rows: &'r Rows,
    cells: std::slice::Iter<'r, Cell>,
    column: usize,
}

type Result<T> = std::result::Result<T, Malformed>;

impl<'r> Fields<'r> {
    /// An error about this row.
    pub(super) fn malformed(&self, what: impl Into<String>) -> Malformed {
        Malformed { query: self.rows.query, what: what.into() }
    }

    /// Goes on behind so many columns.
    #[inline]
    pub(super) fn skip(&mut self, columns: usize) {
        self.column += columns;
        if columns > 0 {
            self.cells.nth(columns - 1);
        }
    }

    #[inline]
    fn next(&mut self) -> Result<Cell> {
        self.column += 1;
        self.cells.next().copied().ok_or_else(|| self.malformed(format!("column {} is missing", self.column)))
    }

    #[cold]
    fn expected<T>(&self, what: &str, cell: Cell) -> Result<T> {
        let found = match cell {
            Cell::Text(place) => format!("{:?}", self.rows.slice(place)),
            Cell::Texts(which) => format!("{:?}", self.rows.arrays[which as usize]),
            Cell::Null => "null".to_owned(),
            Cell::Bool(value) => value.to_string(),
            Cell::Int(value) => value.to_string(),
        };
        Err(self.malformed(format!("column {} should be {what} and is {found}", self.column)))
    }

    #[inline]
    pub(super) fn bool(&mut self) -> Result<bool> {
        match self.next()? {
            Cell::Bool(value) => Ok(value),
            other => self.expected("a boolean", other),
        }
    }

    #[inline]
    pub(super) fn opt_int(&mut self) -> Result<Option<i64>> {
        match self.next()? {
            Cell::Null => Ok(None),
            Cell::Int(value) => Ok(Some(value)),
            other => self.expected("a number", other),
        }
    }

    #[inline]
    pub(super) fn int(&mut self) -> Result<i64> {
        let value = self.opt_int()?;
        value.map_or_else(|| self.expected("a number", Cell::Null), Ok)
    }

    #[inline]
    pub(super) fn small(&mut self) -> Result<i32> {
        let value = self.int()?;
        i32::try_from(value).or_else(|_| self.expected("an int4", Cell::Int(value)))
    }

    #[inline]
    pub(super) fn opt_oid(&mut self) -> Result<Option<u32>> {
        match self.opt_int()? {
            None => Ok(None),
            Some(value) => u32::try_from(value).map(Some).or_else(|_| self.expected("an OID", Cell::Int(value))),
        }
    }

    #[inline]
    pub(super) fn oid(&mut self) -> Result<u32> {
        let value = self.opt_oid()?;
        value.map_or_else(|| self.expected("an OID", Cell::Null), Ok)
    }

    /// A text where it stands, to be looked at.
    #[inline]
    pub(super) fn opt_str(&mut self) -> Result<Option<&'r str>> {
        match self.next()? {
            Cell::Null => Ok(None),
            Cell::Text(place) => Ok(Some(self.rows.slice(place))),
            other => self.expected("text", other),
        }
    }

    #[inline]
    pub(super) fn str(&mut self) -> Result<&'r str> {
        let value = self.opt_str()?;
        value.map_or_else(|| self.expected("text", Cell::Null), Ok)
    }

    #[inline]
    pub(super) fn opt_text(&mut self) -> Result<Option<String>> {
        Ok(self.opt_str()?.map(str::to_owned))
    }

    pub(super) fn text(&mut self) -> Result<String> {
        self.str().map(str::to_owned)
    }

    pub(super) fn name(&mut self) -> Result<Name> {
        self.str().map(Name::from)
    }

    pub(super) fn opt_name(&mut self) -> Result<Option<Name>> {
        Ok(self.opt_str()?.map(Name::from))
    }

    /// A `"char"`; none for null and for the zero byte.
    #[inline]
    pub(super) fn letter(&mut self) -> Result<Option<char>> {
        Ok(self.opt_str()?.and_then(|text| text.chars().next()).filter(|c| *c != '\0'))
    }

    pub(super) fn opt_texts(&mut self) -> Result<Option<Vec<String>>> {
        match self.next()? {
            Cell::Null => Ok(None),
            Cell::Texts(which) => Ok(Some(self.rows.arrays[which as usize].clone())),
            other => self.expected("an array", other),
        }
    }

    pub(super) fn texts(&mut self) -> Result<Vec<String>> {
        Ok(self.opt_texts()?.unwrap_or_default())
    }

    /// An array of schema and name that must be there.
    pub(super) fn expected_qualified(&mut self, otherwise: &str) -> Result<Qualified> {
        self.qualified()?.ok_or_else(|| self.malformed(otherwise))
    }

    /// An operator as an array of schema and name.
    pub(super) fn operator(&mut self) -> Result<Option<OperatorName>> {
        let Some(Qualified { schema, name }) = self.qualified()? else { return Ok(None) };
        let name = Symbol::try_from(name.as_str().to_owned()).map_err(|why| self.malformed(why))?;
        Ok(Some(OperatorName { schema, name }))
    }

    /// A routine as an array of schema, name and argument types.
    pub(super) fn routine(&mut self) -> Result<Option<RoutineName>> {
        match self.opt_texts()? {
            None => Ok(None),
            Some(parts) => match <[String; 3]>::try_from(parts) {
                Ok([schema, name, arguments]) => Ok(Some(RoutineName { schema: schema.into(), name: name.into(), arguments })),
                Err(parts) => Err(self.malformed(format!("column {} should be schema, name and arguments and is {parts:?}", self.column))),
            },
        }
    }

    /// An int2.
    pub(super) fn number(&mut self) -> Result<i16> {
        let value = self.int()?;
        i16::try_from(value).or_else(|_| self.expected("an int2", Cell::Int(value)))
    }

    /// An array of schema and name.
    pub(super) fn qualified(&mut self) -> Result<Option<Qualified>> {
        match self.opt_texts()? {
            None => Ok(None),
            Some(parts) => match <[String; 2]>::try_from(parts) {
                Ok([schema, name]) => Ok(Some(Qualified::new(schema, name))),
                Err(parts) => Err(self.malformed(format!("column {} should be schema and name and is {parts:?}", self.column))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_put_behind_rows() {
        let one = |text: &str| {
            let mut rows = Rows::new(2);
            rows.text(text);
            rows.texts(vec![text.to_owned()]);
            rows
        };
        let mut rows = Rows::default();
        for text in ["a", "", "bc"] {
            rows.append(one(text));
        }
        let read: Vec<(String, Vec<String>)> = rows.iter().map(|mut row| (row.text().unwrap(), row.texts().unwrap())).collect();
        assert_eq!(read, ["a", "", "bc"].map(|text| (text.to_owned(), vec![text.to_owned()])));
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_no_panic() {
        let mut rows = Rows::new(4).of("q");
        rows.int(-1);
        rows.null();
        rows.texts(vec!["a".into()]);
        rows.int(1 << 40);
        let mut fields = rows.iter().next().unwrap();
        assert!(fields.oid().is_err());
        assert!(fields.text().is_err());
        assert!(fields.qualified().is_err());
        assert!(fields.small().is_err());
        assert_eq!(fields.bool().unwrap_err().to_string(), "catalog query q: column 5 is missing");
    }
}
