//! What a component is made of, counted in one pass over its bytes.

use std::collections::BTreeSet;
use wasm_metadata::Producers;
use wasmparser::{
    BinaryReaderError, ComponentAlias, CustomSectionReader, FunctionBody, Instance, Operator,
    Parser, Payload,
};

/// WebAssembly's page, where a memory does not say otherwise.
const PAGE: u64 = 65_536;

/// Code of which the operators are looked at: enough to tell how it was compiled.
const SAMPLED_CODE: usize = 256 << 10;

/// What a component is made of. Sizes are in bytes, over all modules.
#[derive(Default)]
pub struct Outline<'a> {
    /// The code sections.
    pub code: u64,
    /// The data sections.
    pub data: u64,
    /// Custom sections, of components too.
    pub custom: u64,
    /// Of these, debug info.
    pub debug: u64,
    /// What the memories start with.
    pub initial_memory: u64,
    /// What they may grow to; 4 GiB for each that has no maximum.
    pub memory_maximum: u64,
    /// Memories that are defined.
    pub memories: u64,
    /// Elements that the tables start with.
    pub table_elements: u64,
    /// Tables that are defined.
    pub tables: u64,
    /// Instances of modules.
    pub core_instances: u64,
    /// What the component imports, in its order.
    pub imports: Vec<&'a str>,
    /// What was said to have built it: `language Rust`.
    pub producers: BTreeSet<String>,
    /// The contents of the data segments.
    pub segments: Vec<&'a [u8]>,
    /// What modules export.
    pub exported: BTreeSet<&'a str>,
    /// What other parts of the component take of that.
    pub taken: BTreeSet<&'a str>,
    /// How the sampled code works.
    pub sample: Sample,
}

/// Operators of the code that was looked at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Bytes.
    pub bytes: usize,
    /// All operators.
    pub operators: u64,
    /// Reads and writes of locals: what compilers use for every value that are told not to
    /// optimise.
    pub locals: u64,
}

impl<'a> Outline<'a> {
    /// Counts. The bytes have been found valid before.
    ///
    /// # Errors
    /// If they cannot be parsed after all.
    pub fn of(bytes: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let mut outline = Self::default();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                Payload::ComponentImportSection(imports) if depth == 1 => {
                    for import in imports {
                        outline.imports.push(import?.name.name);
                    }
                }
                Payload::CustomSection(section) => outline.custom_section(&section),
                Payload::CodeSectionStart { size, .. } => outline.code += u64::from(size),
                Payload::CodeSectionEntry(body) => outline.function(&body)?,
                Payload::DataSection(section) => {
                    outline.data += section.range().len() as u64;
                    for segment in section {
                        outline.segments.push(segment?.data);
                    }
                }
                Payload::MemorySection(memories) => {
                    for memory in memories {
                        let memory = memory?;
                        let page = memory.page_size_log2.map_or(PAGE, |log2| 1 << log2);
                        let initial = memory.initial.saturating_mul(page);
                        let maximum = memory.maximum.map(|pages| pages.saturating_mul(page));
                        outline.memories += 1;
                        add(&mut outline.initial_memory, initial);
                        add(&mut outline.memory_maximum, maximum.unwrap_or(1 << 32));
                    }
                }
                Payload::TableSection(tables) => {
                    for table in tables {
                        outline.tables += 1;
                        add(&mut outline.table_elements, table?.ty.initial);
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        outline.exported.insert(export?.name);
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        outline.taken.insert(import?.name);
                    }
                }
                Payload::ComponentAliasSection(aliases) => {
                    for alias in aliases {
                        if let ComponentAlias::CoreInstanceExport { name, .. } = alias? {
                            outline.taken.insert(name);
                        }
                    }
                }
                Payload::InstanceSection(instances) => {
                    for instance in instances {
                        let is_of_module = matches!(instance?, Instance::Instantiate { .. });
                        outline.core_instances += u64::from(is_of_module);
                    }
                }
                _ => {}
            }
        }
        Ok(outline)
    }

    /// Whether one of those that built it has this in its name.
    pub fn built_by(&self, part: &str) -> bool {
        let mut producers = self.producers.iter();
        producers.any(|producer| producer.to_ascii_lowercase().contains(part))
    }

    fn custom_section(&mut self, section: &CustomSectionReader<'a>) {
        let size = section.range().len() as u64;
        self.custom += size;
        if section.name().starts_with(".debug_") {
            self.debug += size;
        }
        if section.name() == "producers" {
            // A section that cannot be read says nothing; that is what hygiene tells.
            let read = Producers::from_bytes(section.data(), section.data_offset());
            let fields = read.iter().flat_map(Producers::iter);
            let lines = fields.flat_map(|(field, values)| {
                let lines = values.iter().map(move |(name, version)| {
                    format!("{field} {name} {version}").trim_end().to_owned()
                });
                lines.collect::<Vec<_>>()
            });
            self.producers
                .extend(lines.map(|line| super::printable(&line)));
        }
    }

    fn function(&mut self, body: &FunctionBody<'a>) -> Result<(), BinaryReaderError> {
        if self.sample.bytes >= SAMPLED_CODE {
            return Ok(());
        }
        self.sample.bytes += body.range().len();
        for operator in body.get_operators_reader()? {
            self.sample.operators += 1;
            self.sample.locals += u64::from(matches!(
                operator?,
                Operator::LocalGet { .. } | Operator::LocalSet { .. }
            ));
        }
        Ok(())
    }
}

fn add(sum: &mut u64, value: u64) {
    *sum = sum.saturating_add(value);
}
