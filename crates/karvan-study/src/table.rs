//! Named columns and their Parquet file.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

/// The values of one column, one a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Text; what is unknown is empty.
    Text(Vec<String>),
    /// Whole numbers.
    Whole(Vec<i64>),
    /// Numbers; what is unknown is not a number, and null in the file.
    Number(Vec<f64>),
}

impl Column {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Column::Text(v) => v.len(),
            Column::Whole(v) => v.len(),
            Column::Number(v) => v.len(),
        }
    }
    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The value of a row as text; a number in the shortest form that reads back to it.
    pub fn shown(&self, row: usize) -> String {
        match self {
            Column::Text(v) => v[row].clone(),
            Column::Whole(v) => v[row].to_string(),
            Column::Number(v) if v[row].is_nan() => String::new(),
            Column::Number(v) => v[row].to_string(),
        }
    }
}

/// A table of a run: a name and columns of one length.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    name: String,
    columns: Vec<(String, Column)>,
}

/// Why a table cannot be read or has not what is asked of it.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The bytes are no such file.
    #[error("table `{table}` is no Parquet file that this program reads: {why}")]
    Unreadable {
        /// Table.
        table: String,
        /// What the reader says.
        why: String,
    },
    /// It has no such column, or of another type.
    #[error("table `{table}` has no column `{column}` of {wanted}; it has: {has}")]
    NoColumn {
        /// Table.
        table: String,
        /// Column asked for.
        column: String,
        /// Its type.
        wanted: &'static str,
        /// The columns that are there.
        has: String,
    },
}

impl Table {
    /// A table without columns. The name is its file's: letters, digits, `_` and `-`.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), columns: Vec::new() }
    }
    /// With one more column.
    ///
    /// # Panics
    /// If it is not as long as those before it.
    #[must_use]
    pub fn with(mut self, name: &str, column: Column) -> Self {
        if let Some((first, c)) = self.columns.first() {
            assert_eq!(
                c.len(),
                column.len(),
                "columns `{first}` and `{name}` of `{}` differ in length",
                self.name
            );
        }
        self.columns.push((name.to_owned(), column));
        self
    }
    /// With a column of text.
    #[must_use]
    pub fn text(self, name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with(name, Column::Text(values.into_iter().map(Into::into).collect()))
    }
    /// With a column of whole numbers.
    #[must_use]
    pub fn whole(self, name: &str, values: impl IntoIterator<Item = i64>) -> Self {
        self.with(name, Column::Whole(values.into_iter().collect()))
    }
    /// With a column of numbers.
    #[must_use]
    pub fn number(self, name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        self.with(name, Column::Number(values.into_iter().collect()))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, c)| c.len())
    }
    /// Its columns, in order.
    pub fn columns(&self) -> &[(String, Column)] {
        &self.columns
    }
    /// A column of text.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn texts(&self, column: &str) -> Result<&[String], TableError> {
        match self.find(column) {
            Some(Column::Text(v)) => Ok(v),
            _ => Err(self.lacks(column, "text")),
        }
    }
    /// A column of whole numbers.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn wholes(&self, column: &str) -> Result<&[i64], TableError> {
        match self.find(column) {
            Some(Column::Whole(v)) => Ok(v),
            _ => Err(self.lacks(column, "whole numbers")),
        }
    }
    /// A column of numbers.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn numbers(&self, column: &str) -> Result<&[f64], TableError> {
        match self.find(column) {
            Some(Column::Number(v)) => Ok(v),
            _ => Err(self.lacks(column, "numbers")),
        }
    }

    fn find(&self, column: &str) -> Option<&Column> {
        self.columns.iter().find(|(n, _)| n == column).map(|(_, c)| c)
    }
    fn lacks(&self, column: &str, wanted: &'static str) -> TableError {
        TableError::NoColumn {
            table: self.name.clone(),
            column: column.to_owned(),
            wanted,
            has: self.columns.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(", "),
        }
    }

    /// Its Parquet file: the same table gives the same bytes.
    pub(crate) fn to_parquet(&self) -> Result<Vec<u8>, TableError> {
        let fail = |why: &dyn std::fmt::Display| TableError::Unreadable {
            table: self.name.clone(),
            why: why.to_string(),
        };
        let mut fields = Vec::new();
        let mut arrays: Vec<ArrayRef> = Vec::new();
        for (name, column) in &self.columns {
            let (kind, nullable, array): (_, _, ArrayRef) = match column {
                Column::Text(v) => (DataType::Utf8, false, Arc::new(StringArray::from_iter_values(v))),
                Column::Whole(v) => (DataType::Int64, false, Arc::new(Int64Array::from(v.clone()))),
                Column::Number(v) => {
                    let known = v.iter().map(|x| (!x.is_nan()).then_some(*x));
                    (DataType::Float64, true, Arc::new(known.collect::<Float64Array>()))
                }
            };
            fields.push(Field::new(name, kind, nullable));
            arrays.push(array);
        }
        let schema = Arc::new(Schema::new(fields));
        let level = ZstdLevel::try_new(9).map_err(|e| fail(&e))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by("karvan".to_owned())
            .build();
        let mut writer =
            ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties)).map_err(|e| fail(&e))?;
        if !arrays.is_empty() {
            let batch = RecordBatch::try_new(schema, arrays).map_err(|e| fail(&e))?;
            writer.write(&batch).map_err(|e| fail(&e))?;
        }
        writer.into_inner().map_err(|e| fail(&e))
    }

    /// The table of a Parquet file's bytes.
    pub(crate) fn from_parquet(name: &str, bytes: Vec<u8>) -> Result<Self, TableError> {
        let fail = |why: &dyn std::fmt::Display| TableError::Unreadable {
            table: name.to_owned(),
            why: why.to_string(),
        };
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).map_err(|e| fail(&e))?;
        let mut columns: Vec<(String, Column)> = Vec::new();
        for field in builder.schema().fields() {
            let empty = match field.data_type() {
                DataType::Utf8 => Column::Text(Vec::new()),
                DataType::Int64 => Column::Whole(Vec::new()),
                DataType::Float64 => Column::Number(Vec::new()),
                other => return Err(fail(&format!("column `{}` is of type {other}", field.name()))),
            };
            columns.push((field.name().clone(), empty));
        }
        for batch in builder.build().map_err(|e| fail(&e))? {
            let batch = batch.map_err(|e| fail(&e))?;
            for ((_, column), array) in columns.iter_mut().zip(batch.columns()) {
                match column {
                    Column::Text(v) => {
                        v.extend(array.as_string::<i32>().iter().map(|s| s.unwrap_or_default().to_owned()));
                    }
                    Column::Whole(v) => {
                        if array.null_count() > 0 {
                            return Err(fail(&"a whole number is missing"));
                        }
                        v.extend(array.as_primitive::<Int64Type>().values());
                    }
                    Column::Number(v) => {
                        v.extend(array.as_primitive::<Float64Type>().iter().map(|x| x.unwrap_or(f64::NAN)));
                    }
                }
            }
        }
        Ok(Self { name: name.to_owned(), columns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_reads_back_from_its_file() {
        let table = Table::new("flows")
            .text("from", ["Kess", "", "Дорн"])
            .whole("year", [2030, -1, i64::MAX])
            .number("tonnes", [0.1, f64::NAN, 1e300]);
        let bytes = table.to_parquet().expect("bytes");
        assert_eq!(bytes, table.to_parquet().expect("bytes"), "the same table, the same bytes");
        let back = Table::from_parquet("flows", bytes).expect("a table");
        assert_eq!(back.texts("from").expect("text"), table.texts("from").expect("text"));
        assert_eq!(back.wholes("year").expect("whole"), table.wholes("year").expect("whole"));
        let t = back.numbers("tonnes").expect("numbers");
        assert_eq!((t[0], t[1].is_nan(), t[2]), (0.1, true, 1e300));
        let told = back.numbers("year").expect_err("of another type").to_string();
        assert_eq!(told, "table `flows` has no column `year` of numbers; it has: from, year, tonnes");
    }

    #[test]
    fn tables_without_rows_or_columns_are_kept() {
        for table in [Table::new("none"), Table::new("empty").number("x", [])] {
            let back =
                Table::from_parquet(table.name(), table.to_parquet().expect("bytes")).expect("a table");
            assert_eq!(back, table);
        }
        assert!(Table::from_parquet("x", b"PAR1 and no more".to_vec()).is_err());
    }
}
