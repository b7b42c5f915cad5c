//! Typed access to the cells of a row, in order.

use super::{Cell, Malformed, Row};
use crate::model::{Name, OperatorName, Qualified, RoutineName, Symbol};

pub(super) struct Fields {
    query: &'static str,
    cells: std::vec::IntoIter<Cell>,
    column: usize,
}

type Result<T> = std::result::Result<T, Malformed>;

impl Fields {
    pub(super) fn new(query: &'static str, row: Row) -> Self {
        Self { query, cells: row.into_iter(), column: 0 }
    }

    /// An error about this row.
    pub(super) fn malformed(&self, what: impl Into<String>) -> Malformed {
        Malformed { query: self.query, what: what.into() }
    }

    fn next(&mut self) -> Result<Cell> {
        self.column += 1;
        self.cells.next().ok_or_else(|| Malformed { query: self.query, what: format!("column {} is missing", self.column) })
    }

    fn expected<T>(&self, what: &str, cell: &Cell) -> Result<T> {
        Err(self.malformed(format!("column {} should be {what} and is {cell:?}", self.column)))
    }

    pub(super) fn bool(&mut self) -> Result<bool> {
        match self.next()? {
            Cell::Bool(value) => Ok(value),
            other => self.expected("a boolean", &other),
        }
    }

    pub(super) fn opt_int(&mut self) -> Result<Option<i64>> {
        match self.next()? {
            Cell::Null => Ok(None),
            Cell::Int(value) => Ok(Some(value)),
            other => self.expected("a number", &other),
        }
    }

    pub(super) fn int(&mut self) -> Result<i64> {
        let value = self.opt_int()?;
        value.map_or_else(|| self.expected("a number", &Cell::Null), Ok)
    }

    pub(super) fn small(&mut self) -> Result<i32> {
        let value = self.int()?;
        i32::try_from(value).or_else(|_| self.expected("an int4", &Cell::Int(value)))
    }

    pub(super) fn opt_oid(&mut self) -> Result<Option<u32>> {
        match self.opt_int()? {
            None => Ok(None),
            Some(value) => u32::try_from(value).map(Some).or_else(|_| self.expected("an OID", &Cell::Int(value))),
        }
    }

    pub(super) fn oid(&mut self) -> Result<u32> {
        let value = self.opt_oid()?;
        value.map_or_else(|| self.expected("an OID", &Cell::Null), Ok)
    }

    pub(super) fn opt_text(&mut self) -> Result<Option<String>> {
        match self.next()? {
            Cell::Null => Ok(None),
            Cell::Text(value) => Ok(Some(value)),
            other => self.expected("text", &other),
        }
    }

    pub(super) fn text(&mut self) -> Result<String> {
        let value = self.opt_text()?;
        value.map_or_else(|| self.expected("text", &Cell::Null), Ok)
    }

    pub(super) fn name(&mut self) -> Result<Name> {
        self.text().map(Name::from)
    }

    pub(super) fn opt_name(&mut self) -> Result<Option<Name>> {
        Ok(self.opt_text()?.map(Name::from))
    }

    /// A `"char"`; none for null and for the zero byte.
    pub(super) fn letter(&mut self) -> Result<Option<char>> {
        Ok(self.opt_text()?.and_then(|text| text.chars().next()).filter(|c| *c != '\0'))
    }

    pub(super) fn opt_texts(&mut self) -> Result<Option<Vec<String>>> {
        match self.next()? {
            Cell::Null => Ok(None),
            Cell::TextArray(values) => Ok(Some(values)),
            other => self.expected("an array", &other),
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
                Err(parts) => self.expected("schema, name and arguments", &Cell::TextArray(parts)),
            },
        }
    }

    /// An int2.
    pub(super) fn number(&mut self) -> Result<i16> {
        let value = self.int()?;
        i16::try_from(value).or_else(|_| self.expected("an int2", &Cell::Int(value)))
    }

    /// An array of schema and name.
    pub(super) fn qualified(&mut self) -> Result<Option<Qualified>> {
        match self.opt_texts()? {
            None => Ok(None),
            Some(parts) => match <[String; 2]>::try_from(parts) {
                Ok([schema, name]) => Ok(Some(Qualified::new(schema, name))),
                Err(parts) => self.expected("schema and name", &Cell::TextArray(parts)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_an_error_and_no_panic() {
        let mut fields = Fields::new("q", vec![Cell::Int(-1), Cell::Null, Cell::TextArray(vec!["a".into()]), Cell::Int(1 << 40)]);
        assert!(fields.oid().is_err());
        assert!(fields.text().is_err());
        assert!(fields.qualified().is_err());
        assert!(fields.small().is_err());
        assert_eq!(fields.bool().unwrap_err().to_string(), "catalog query q: column 5 is missing");
    }
}
