//! Ruby as its packages on npm have it, such as `@ruby/4.0-wasm-wasi`: a library that JavaScript
//! initialises and gives programs. It gets the `_start` of a program, which does with its arguments
//! what `ruby` does. JavaScript, which Ruby only calls where a program asks for it, is not there:
//! calls of it trap.

use super::core_module::{CoreModule, copied};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
    InstructionSink, MemArg, TypeSection, ValType,
};
use wasmparser::{ExternalKind, TypeRef};

/// What it is recognised by, and what its `_start` calls.
const EXPORTS: [&str; 4] = [
    "_initialize",
    "cabi_realloc",
    "ruby-init: func(args: list<string>) -> ()",
    "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>",
];

const WASI: &str = "wasi_snapshot_preview1";
/// Of WASI, what its `_start` calls too.
const ARGUMENTS: [&str; 2] = ["args_sizes_get", "args_get"];

/// The arguments that come before a program's own: Ruby only reads those up to `--`, and leaves the
/// others to the prelude, as `ARGV`.
const BEFORE: [&str; 4] = ["ruby", "-EUTF-8", "-e_=0", "--"];
const PRELUDE: &str = include_str!("ruby.rb");

/// Locals of `_start`: the texts, the sizes of the arguments, their count and pointers, the list that
/// Ruby gets, a position in it, and the bytes of the arguments.
const TEXT: u32 = 0;
const SIZES: u32 = 1;
const COUNT: u32 = 2;
const ARGV: u32 = 3;
const LIST: u32 = 4;
const AT: u32 = 5;
const BUFFER: u32 = 6;

/// Gives the library a `_start`; `None` if the module is no such library.
pub fn with_start(module: &[u8], declared: &CoreModule<'_>) -> Option<Vec<u8>> {
    copied(module, &mut Ruby::find(declared)?)
}

/// The body that takes the place of an imported function.
#[derive(Clone, Copy, PartialEq)]
enum Body {
    /// Its only argument: a handle's number is what it stands for.
    Argument,
    Trap,
}

/// An imported function.
struct Import {
    ty: u32,
    /// What takes its place; `None` if it stays imported.
    body: Option<Body>,
}

/// The counts and indices in the module, as they were.
#[derive(Default)]
struct Ruby {
    types: u32,
    imports: Vec<Import>,
    defined: u32,
    /// Functions by the names of [`EXPORTS`].
    exports: [u32; EXPORTS.len()],
    /// Functions by the names of [`ARGUMENTS`]; `None` for one that has to be imported.
    arguments: [Option<u32>; ARGUMENTS.len()],
}

impl Ruby {
    fn find(declared: &CoreModule<'_>) -> Option<Self> {
        let mut ruby = Self {
            types: declared.types.len() as u32,
            defined: declared.functions.len() as u32,
            ..Self::default()
        };
        for (place, name) in EXPORTS.iter().enumerate() {
            ruby.exports[place] = declared.exported_function(name)?;
        }
        for (import, ty) in declared.imported_functions() {
            ruby.note(import.module, import.name, ty);
        }
        Some(ruby)
    }

    fn note(&mut self, module: &str, name: &str, ty: u32) {
        let body = match module {
            WASI => {
                if let Some(place) = ARGUMENTS.iter().position(|wanted| *wanted == name) {
                    self.arguments[place] = Some(self.imports.len() as u32);
                }
                None
            }
            "canonical_abi" if name.starts_with("resource_new_") => Some(Body::Argument),
            "canonical_abi" if name.starts_with("resource_get_") => Some(Body::Argument),
            _ => Some(Body::Trap),
        };
        self.imports.push(Import { ty, body });
    }

    /// Returns the imported functions that others take the place of.
    fn replaced(&self) -> impl Iterator<Item = (u32, Body)> + '_ {
        self.imports.iter().filter_map(|import| Some((import.ty, import.body?)))
    }

    fn count_imported(&self) -> u32 {
        let kept = self.imports.iter().filter(|import| import.body.is_none()).count();
        let added = self.arguments.iter().filter(|found| found.is_none()).count();
        (kept + added) as u32
    }

    /// Returns where a function is now: first those that are imported, then those that the module
    /// defines, then those that take the place of imports, then `_start`.
    fn now(&self, before: u32) -> u32 {
        let imports = self.imports.len() as u32;
        let Some(import) = self.imports.get(before as usize) else {
            return self.count_imported() + before - imports;
        };
        let earlier = self.imports[..before as usize].iter();
        let alike = earlier.filter(|i| i.body.is_some() == import.body.is_some()).count() as u32;
        match import.body {
            None => alike,
            Some(_) => self.count_imported() + self.defined + alike,
        }
    }

    fn start(&self) -> u32 {
        self.count_imported() + self.defined + self.replaced().count() as u32
    }

    /// Returns where a function of [`ARGUMENTS`] is now. Those that were added are the last ones that
    /// are imported.
    fn argument_function(&self, place: usize) -> u32 {
        let later = self.arguments[place..].iter().filter(|found| found.is_none()).count() as u32;
        self.arguments[place].map_or(self.count_imported() - later, |found| self.now(found))
    }

    fn export(&self, place: usize) -> u32 {
        self.now(self.exports[place])
    }

    /// Writes the body of `_start`: it initialises Ruby with [`BEFORE`] and its own arguments, and
    /// gives it the prelude.
    fn write_start(&self) -> Function {
        let [initialize, _, init, eval] = [0, 1, 2, 3].map(|place| self.export(place));
        let mut start = Function::new([(7, ValType::I32)]);
        let mut to = start.instructions();
        to.call(initialize);

        // Each text with its zero, the prelude last.
        let mut text = Vec::new();
        let places = BEFORE.map(|part| {
            let place = text.len() as i32;
            text.extend_from_slice(part.as_bytes());
            text.push(0);
            (place, part.len() as i32)
        });
        let prelude = text.len() as i32;
        text.extend_from_slice(PRELUDE.as_bytes());
        text.push(0);
        self.allocate(&mut to, |to| to.i32_const(text.len() as i32 + 8));
        to.local_set(TEXT);
        for (place, chunk) in text.chunks(8).enumerate() {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            to.local_get(TEXT).i64_const(i64::from_le_bytes(bytes));
            to.i64_store(MemArg { offset: 8 * place as u64, align: 0, memory_index: 0 });
        }

        // argv[argc] is the end of the last text, so that each is as long as the next is away.
        self.allocate(&mut to, |to| to.i32_const(8));
        to.local_tee(SIZES).local_get(SIZES).i32_const(4).i32_add();
        to.call(self.argument_function(0)).drop();
        to.local_get(SIZES).i32_load(WORD).local_set(COUNT);
        self.allocate(&mut to, |to| {
            to.local_get(COUNT).i32_const(4).i32_mul().i32_const(4).i32_add()
        });
        to.local_set(ARGV);
        self.allocate(&mut to, |to| to.local_get(SIZES).i32_load(SECOND).i32_const(1).i32_add());
        to.local_tee(BUFFER).drop();
        to.local_get(ARGV).local_get(BUFFER).call(self.argument_function(1)).drop();
        to.local_get(ARGV).local_get(COUNT).i32_const(4).i32_mul().i32_add();
        to.local_get(BUFFER).local_get(SIZES).i32_load(SECOND).i32_add().i32_store(WORD);

        // A list of texts, each a pointer and a length; the program's name is not among them.
        let before = BEFORE.len() as i32;
        self.allocate(&mut to, |to| {
            to.local_get(COUNT).i32_const(before).i32_add().i32_const(8).i32_mul()
        });
        to.local_set(LIST);
        for (n, (place, length)) in (0..).zip(places) {
            let offset = 8 * n;
            to.local_get(LIST).local_get(TEXT).i32_const(place).i32_add();
            to.i32_store(MemArg { offset, ..WORD });
            to.local_get(LIST).i32_const(length).i32_store(MemArg { offset: offset + 4, ..WORD });
        }
        to.i32_const(1).local_set(AT);
        to.block(wasm_encoder::BlockType::Empty).loop_(wasm_encoder::BlockType::Empty);
        to.local_get(AT).local_get(COUNT).i32_ge_u().br_if(1);
        let entry = |to: &mut InstructionSink<'_>| {
            to.local_get(LIST).local_get(AT).i32_const(before - 1).i32_add();
            to.i32_const(8).i32_mul().i32_add();
        };
        let argument = |to: &mut InstructionSink<'_>, arg: MemArg| {
            to.local_get(ARGV).local_get(AT).i32_const(4).i32_mul().i32_add().i32_load(arg);
        };
        entry(&mut to);
        argument(&mut to, WORD);
        to.i32_store(WORD);
        entry(&mut to);
        argument(&mut to, SECOND);
        argument(&mut to, WORD);
        to.i32_sub().i32_const(1).i32_sub().i32_store(SECOND);
        to.local_get(AT).i32_const(1).i32_add().local_set(AT).br(0).end().end();

        to.local_get(LIST).local_get(COUNT).i32_const(before - 1).i32_add().call(init);
        to.local_get(TEXT).i32_const(prelude).i32_add();
        to.i32_const(PRELUDE.len() as i32).call(eval);
        // The prelude ends the process.
        to.unreachable().end();
        start
    }

    /// Asks the library's own allocator for as many bytes as `length` leaves.
    fn allocate<'a>(
        &self,
        to: &mut InstructionSink<'a>,
        length: impl for<'b> FnOnce(&'b mut InstructionSink<'a>) -> &'b mut InstructionSink<'a>,
    ) {
        to.i32_const(0).i32_const(0).i32_const(8);
        length(to);
        to.call(self.export(1));
    }
}

const WORD: MemArg = MemArg { offset: 0, align: 2, memory_index: 0 };
const SECOND: MemArg = MemArg { offset: 4, ..WORD };

/// Copies the module, with the imports and functions that it has now.
impl Reencode for Ruby {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, before: u32) -> Result<u32, Error<Self::Error>> {
        Ok(self.now(before))
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        utils::parse_type_section(self, types, section)?;
        types.ty().function([], []);
        types.ty().function([ValType::I32; 2], [ValType::I32]);
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        for import in section.into_imports() {
            let import = import?;
            if !matches!(import.ty, TypeRef::Func(_)) || import.module == WASI {
                utils::parse_import(self, imports, import)?;
            }
        }
        for (name, found) in ARGUMENTS.iter().zip(self.arguments) {
            if found.is_none() {
                imports.import(WASI, name, EntityType::Function(self.types + 1));
            }
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        utils::parse_function_section(self, functions, section)?;
        for (ty, _) in self.replaced() {
            functions.function(ty);
        }
        functions.function(self.types);
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        for export in section {
            let export = export?;
            if export.kind == ExternalKind::Memory {
                utils::parse_export(self, exports, export)?;
            }
        }
        exports.export("_start", ExportKind::Func, self.start());
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        utils::parse_code_section(self, code, section)?;
        for (_, body) in self.replaced() {
            let mut function = Function::new([]);
            match body {
                Body::Argument => function.instructions().local_get(0).end(),
                Body::Trap => function.instructions().unreachable().end(),
            };
            code.function(&function);
        }
        code.function(&self.write_start());
        Ok(())
    }
}
