//! Tables as Parquet files, one row group each, uncompressed.

use super::{
    Records,
    table::{self, Cells, Table},
};
use crate::run_directory::{make, write_whole};
use anyhow::Context;
use parquet::{
    basic::{LogicalType, Repetition, Type as Physical},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::{Type, TypePtr},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Writes all tables to a folder; says which files were written.
///
/// # Errors
/// Where the system does not let them be written.
pub fn write(folder: &Path, records: &Records) -> anyhow::Result<Vec<PathBuf>> {
    make(folder)?;
    let file = |table: &Table| {
        let path = folder.join(format!("{}.parquet", table.name));
        let bytes = bytes(table).with_context(|| format!("cannot write {}", path.display()))?;
        write_whole(&path, &bytes).map(|()| path)
    };
    table::all(records).iter().map(file).collect()
}

fn schema(table: &Table) -> Result<TypePtr, ParquetError> {
    let column = |column: &table::Column| {
        let (physical, logical) = match column.cells {
            Cells::Whole(_) => (Physical::INT64, None),
            Cells::Real(_) => (Physical::DOUBLE, None),
            Cells::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let builder = Type::primitive_type_builder(column.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical);
        builder.build().map(Arc::new)
    };
    let fields = table.columns.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder(table.name).with_fields(fields).build().map(Arc::new)
}

fn bytes(table: &Table) -> Result<Vec<u8>, ParquetError> {
    let mut bytes = Vec::new();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(&mut bytes, schema(table)?, properties)?;
    let mut group = writer.next_row_group()?;
    for column in &table.columns {
        let Some(mut open) = group.next_column()? else { break };
        match (&column.cells, open.untyped()) {
            (Cells::Whole(cells), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(&present(cells), Some(&levels(cells)), None)?
            }
            (Cells::Real(cells), ColumnWriter::DoubleColumnWriter(writer)) => {
                writer.write_batch(&present(cells), Some(&levels(cells)), None)?
            }
            (Cells::Text(cells), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                let texts = cells.iter().flatten().map(|cell| ByteArray::from(cell.as_str()));
                writer.write_batch(&texts.collect::<Vec<_>>(), Some(&levels(cells)), None)?
            }
            _ => return Err(ParquetError::General(format!("column {} has another type", column.name))),
        };
        open.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(bytes)
}

fn present<T: Copy>(cells: &[Option<T>]) -> Vec<T> {
    cells.iter().copied().flatten().collect()
}

/// Of each cell, whether there is something in it.
fn levels<T>(cells: &[Option<T>]) -> Vec<i16> {
    cells.iter().map(|cell| i16::from(cell.is_some())).collect()
}
