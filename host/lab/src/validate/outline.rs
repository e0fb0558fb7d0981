//! A component's sizes, counts and names, from one pass over its bytes.

use sandlab_runtime::wasm::imports_of_names;
use std::collections::BTreeSet;
use wasm_metadata::Producers;
use wasmparser::{
    BinaryReaderError, ComponentAlias, CustomSectionReader, Encoding, FunctionBody, Instance,
    Operator, Parser, Payload,
};

/// Bytes of a WebAssembly page, unless a memory declares another size.
const PAGE: u64 = 65_536;

/// Bytes of code whose operators are counted: enough to detect code that was not optimised.
const SAMPLED_CODE: usize = 256 << 10;

/// A component's sizes, counts and names. Sizes are in bytes, summed over all modules.
#[derive(Default)]
pub struct Outline<'a> {
    /// Size of the code sections.
    pub code: u64,
    /// Size of the data sections.
    pub data: u64,
    /// Size of the custom sections, also of components.
    pub custom: u64,
    /// The part of `custom` that is debug info.
    pub debug: u64,
    /// Initial size of the memories.
    pub initial_memory: u64,
    /// Maximum size of the memories; 4 GiB for each without a maximum.
    pub memory_maximum: u64,
    /// Number of defined memories.
    pub memories: u64,
    /// Initial elements of the tables.
    pub table_elements: u64,
    /// Number of defined tables.
    pub tables: u64,
    /// Number of core instances.
    pub core_instances: u64,
    /// Names of the component's imports, in their order, without those that only name types.
    pub imports: Vec<&'a str>,
    /// Lines of the `producers` sections: `language Rust`.
    pub producers: BTreeSet<String>,
    /// The producers of the main module: the first that has a memory of its own, or else the first.
    pub main_producers: Vec<String>,
    /// Contents of the data segments.
    pub segments: Vec<&'a [u8]>,
    /// Names that modules export.
    pub exported: BTreeSet<&'a str>,
    /// Names that other parts of the component use.
    pub taken: BTreeSet<&'a str>,
    /// Counts over the sampled code.
    pub sample: Sample,
}

/// The properties of a module by which the main one is found.
#[derive(Default)]
struct Part {
    producers: Vec<String>,
    has_memory: bool,
}

/// Counts over the code that was sampled.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Bytes of sampled code.
    pub bytes: usize,
    /// Operators in it.
    pub operators: u64,
    /// Operators that read or write locals: compilers put every value there when they do not
    /// optimise.
    pub locals: u64,
}

impl<'a> Outline<'a> {
    /// Reads a component that was found valid.
    ///
    /// # Errors
    /// If it cannot be parsed after all.
    pub fn of(bytes: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let mut outline = Self::default();
        let mut depth = 0_u32;
        let mut modules: Vec<Part> = Vec::new();
        let mut is_in_module = false;
        let names = imports_of_names(bytes);
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::Version { encoding, .. } => {
                    depth += 1;
                    if encoding == Encoding::Module {
                        modules.push(Part::default());
                        is_in_module = true;
                    }
                }
                Payload::End(_) => {
                    depth -= 1;
                    is_in_module = false;
                }
                Payload::ComponentImportSection(imports) if depth == 1 => {
                    for import in imports {
                        let name = import?.name.name;
                        if !names.contains(name) {
                            outline.imports.push(name);
                        }
                    }
                }
                Payload::CustomSection(section) => {
                    let lines = outline.custom_section(&section);
                    if let Some(module) = modules.last_mut().filter(|_| is_in_module) {
                        module.producers.extend(lines.iter().cloned());
                    }
                    outline.producers.extend(lines);
                }
                Payload::CodeSectionStart { size, .. } => outline.code += u64::from(size),
                Payload::CodeSectionEntry(body) => outline.function(&body)?,
                Payload::DataSection(section) => {
                    outline.data += section.range().len() as u64;
                    for segment in section {
                        outline.segments.push(segment?.data);
                    }
                }
                Payload::MemorySection(memories) => {
                    if let Some(module) = modules.last_mut() {
                        module.has_memory = memories.count() > 0;
                    }
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
        let main = modules.iter().position(|module| module.has_memory).unwrap_or_default();
        outline.main_producers =
            modules.into_iter().nth(main).map(|module| module.producers).unwrap_or_default();
        Ok(outline)
    }

    /// Returns whether a line of the producers contains this text.
    pub fn built_by(&self, part: &str) -> bool {
        let mut producers = self.producers.iter();
        producers.any(|producer| producer.to_ascii_lowercase().contains(part))
    }

    /// Counts a custom section, and returns its lines if it is one of producers.
    fn custom_section(&mut self, section: &CustomSectionReader<'a>) -> Vec<String> {
        let size = section.range().len() as u64;
        self.custom += size;
        if section.name().starts_with(".debug_") {
            self.debug += size;
        }
        if section.name() != "producers" {
            return Vec::new();
        }
        // A section that cannot be read counts as missing, which the stage hygiene reports.
        let read = Producers::from_bytes(section.data(), section.data_offset());
        let fields = read.iter().flat_map(Producers::iter);
        let lines = fields.flat_map(|(field, values)| {
            let lines = values.iter().map(move |(name, version)| {
                format!("{field} {name} {version}").trim_end().to_owned()
            });
            lines.collect::<Vec<_>>()
        });
        lines.map(|line| crate::printable::printable(&line)).collect()
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
