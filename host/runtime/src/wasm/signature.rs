//! Functions and types in WIT's text form, as an author would write them: named types by
//! their names.

use wit_parser::{Function, Handle, Resolve, Type, TypeDefKind, TypeId};

/// Returns a function's signature, such as
/// `handle: func(message: message) -> result<list<message>, failure>`.
pub fn signature(resolve: &Resolve, function: &Function) -> String {
    let speller = Speller { resolve };
    let params = function.params.iter();
    let params = join(params.map(|param| format!("{}: {}", param.name, speller.ty(&param.ty))));
    let result = function.result.as_ref();
    let result = result.map_or(String::new(), |ty| format!(" -> {}", speller.ty(ty)));
    let kind = if function.kind.is_async() { "async func" } else { "func" };
    format!("{}: {kind}({params}){result}", function.name)
}

/// Returns a type's definition, such as `enum level { debug, info, warn, error }`.
pub fn definition(resolve: &Resolve, id: TypeId) -> String {
    let speller = Speller { resolve };
    let (name, kind) = (&resolve.types[id].name, &resolve.types[id].kind);
    let name = name.as_deref().unwrap_or_default();
    match kind {
        TypeDefKind::Record(_)
        | TypeDefKind::Enum(_)
        | TypeDefKind::Variant(_)
        | TypeDefKind::Flags(_) => {
            speller.structure(kind).replacen(" {", &format!(" {name} {{"), 1)
        }
        TypeDefKind::Resource => format!("resource {name}"),
        kind => format!("type {name} = {}", speller.structure(kind)),
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

struct Speller<'a> {
    resolve: &'a Resolve,
}

impl Speller<'_> {
    fn ty(&self, ty: &Type) -> String {
        let name = match ty {
            Type::Id(id) => return self.named(*id),
            Type::Bool => "bool",
            Type::U8 => "u8",
            Type::U16 => "u16",
            Type::U32 => "u32",
            Type::U64 => "u64",
            Type::S8 => "s8",
            Type::S16 => "s16",
            Type::S32 => "s32",
            Type::S64 => "s64",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::Char => "char",
            Type::String => "string",
            Type::ErrorContext => "error-context",
        };
        name.to_owned()
    }

    fn optional(&self, ty: Option<&Type>) -> String {
        ty.map_or_else(|| "_".to_owned(), |ty| self.ty(ty))
    }

    fn named(&self, id: TypeId) -> String {
        let definition = &self.resolve.types[id];
        let name = definition.name.clone();
        name.unwrap_or_else(|| self.structure(&definition.kind))
    }

    fn structure(&self, kind: &TypeDefKind) -> String {
        match kind {
            TypeDefKind::Type(ty) => self.ty(ty),
            TypeDefKind::List(ty) => format!("list<{}>", self.ty(ty)),
            TypeDefKind::Option(ty) => format!("option<{}>", self.ty(ty)),
            TypeDefKind::Result(result) => {
                let ok = self.optional(result.ok.as_ref());
                format!("result<{ok}, {}>", self.optional(result.err.as_ref()))
            }
            TypeDefKind::Tuple(tuple) => {
                format!("tuple<{}>", join(tuple.types.iter().map(|ty| self.ty(ty))))
            }
            TypeDefKind::Record(record) => {
                let fields = record.fields.iter();
                let fields = join(fields.map(|f| format!("{}: {}", f.name, self.ty(&f.ty))));
                format!("record {{ {fields} }}")
            }
            TypeDefKind::Enum(cases) => {
                let cases = cases.cases.iter().map(|case| case.name.clone());
                format!("enum {{ {} }}", join(cases))
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().map(|case| match &case.ty {
                    Some(ty) => format!("{}({})", case.name, self.ty(ty)),
                    None => case.name.clone(),
                });
                format!("variant {{ {} }}", join(cases))
            }
            TypeDefKind::Flags(flags) => {
                let flags = flags.flags.iter().map(|flag| flag.name.clone());
                format!("flags {{ {} }}", join(flags))
            }
            TypeDefKind::Handle(Handle::Own(of)) => format!("own<{}>", self.named(*of)),
            TypeDefKind::Handle(Handle::Borrow(of)) => format!("borrow<{}>", self.named(*of)),
            other => other.as_str().to_owned(),
        }
    }
}
