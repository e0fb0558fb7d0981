//! Between WAVE and a component's values. WAVE has no way to write a resource, so that a
//! handle stands as `handle(N)`, where N is the instance's number for it.

use wasmtime::component::wasm_wave::ast::Node;
use wasmtime::component::wasm_wave::parser::ParserError;
use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;
use wasmtime::component::wasm_wave::wasm::DisplayType;
use wasmtime::component::{ResourceAny, Type, Val};

/// The prefix of a handle's number, as in `handle(3)`.
const HANDLE: &str = "handle";

/// A parameter of a function.
pub struct Param {
    pub name: String,
    pub ty: Type,
}

/// An argument of a call.
pub enum Argument {
    Value(Val),
    /// The handle with this number.
    Handle(u32),
}

/// Reads the arguments of a call, `(1, "x")`, for these parameters.
///
/// # Errors
/// If an argument is wrong; the text says which one, and what type was expected.
pub fn arguments(text: &str, params: &[Param]) -> Result<Vec<Argument>, String> {
    // A name that WAVE can read; that of the function may have dots and slashes.
    let source = format!("f{text}");
    let call = UntypedFuncCall::parse(&source).map_err(|error| plain(&error))?;
    let nodes: Vec<&Node> = match call.params_node() {
        Some(node) => node.as_tuple().map_err(|error| plain(&error))?.collect(),
        None => Vec::new(),
    };
    if nodes.len() > params.len() {
        let (given, wanted) = (nodes.len(), params.len());
        return Err(format!("{given} arguments, where it takes {wanted}"));
    }
    let read = |(i, param): (usize, &Param)| match nodes.get(i) {
        Some(node) => argument(node, param, &source).map_err(|error| {
            let (at, name, ty) = (i + 1, &param.name, display(&param.ty));
            let found = source.get(node.span()).unwrap_or_default();
            format!("argument {at} `{name}` is {found}, expected {ty}: {error}")
        }),
        None if matches!(param.ty, Type::Option(_)) => Ok(Argument::Value(Val::Option(None))),
        None => {
            let (at, name, ty) = (i + 1, &param.name, display(&param.ty));
            Err(format!("argument {at} `{name}` is missing, expected {ty}"))
        }
    };
    params.iter().enumerate().map(read).collect()
}

fn argument(node: &Node, param: &Param, source: &str) -> Result<Argument, String> {
    if matches!(param.ty, Type::Own(_) | Type::Borrow(_)) {
        return match node.as_variant(source) {
            Ok((HANDLE, Some(number))) => {
                let number = number.as_number(source).map_err(|error| plain(&error))?;
                Ok(Argument::Handle(number))
            }
            _ => Err("a resource is written as the call that made it returned it".to_owned()),
        };
    }
    if has_handle(&param.ty) {
        return Err("a resource inside another type cannot be written in WAVE".to_owned());
    }
    let value = node.to_wasm_value(&param.ty, source);
    value.map(Argument::Value).map_err(|error| plain(&error))
}

/// Returns the error without its position, which counts from the text that WAVE was given.
fn plain(error: &ParserError) -> String {
    let kind = error.kind();
    error.detail().map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}"))
}

/// Returns a type as WIT spells it.
fn display(ty: &Type) -> String {
    match ty {
        Type::Own(_) | Type::Borrow(_) => "a resource, handle(N)".to_owned(),
        ty => DisplayType(ty).to_string(),
    }
}

/// Returns true if values of the type can have resources in them.
pub fn has_handle(ty: &Type) -> bool {
    let optional = |ty: Option<Type>| ty.is_some_and(|ty| has_handle(&ty));
    match ty {
        Type::Own(_) | Type::Borrow(_) => true,
        Type::List(list) => has_handle(&list.ty()),
        Type::FixedLengthList(list) => has_handle(&list.ty()),
        Type::Option(option) => has_handle(&option.ty()),
        Type::Record(record) => record.fields().any(|field| has_handle(&field.ty)),
        Type::Tuple(tuple) => tuple.types().any(|ty| has_handle(&ty)),
        Type::Variant(variant) => variant.cases().any(|case| optional(case.ty)),
        Type::Result(result) => optional(result.ok()) || optional(result.err()),
        _ => false,
    }
}

/// Puts numbers in the place of a value's resources.
pub fn number<E>(
    value: &mut Val,
    keep: &mut impl FnMut(ResourceAny) -> Result<u32, E>,
) -> Result<(), E> {
    match value {
        Val::Resource(resource) => {
            let number = Val::U32(keep(*resource)?);
            *value = Val::Variant(HANDLE.to_owned(), Some(Box::new(number)));
            Ok(())
        }
        Val::List(values) | Val::FixedLengthList(values) | Val::Tuple(values) => {
            values.iter_mut().try_for_each(|value| number(value, keep))
        }
        Val::Record(fields) => fields.iter_mut().try_for_each(|(_, value)| number(value, keep)),
        Val::Variant(_, Some(value))
        | Val::Option(Some(value))
        | Val::Result(Ok(Some(value)) | Err(Some(value))) => number(value, keep),
        _ => Ok(()),
    }
}

/// Returns a value of a type, in WAVE, as an example.
pub fn example(ty: &Type) -> String {
    let payload =
        |ty: Option<Type>| ty.map_or_else(String::new, |ty| format!("({})", example(&ty)));
    match ty {
        Type::Bool => "true".to_owned(),
        Type::Float32 | Type::Float64 => "1.5".to_owned(),
        Type::Char => "'a'".to_owned(),
        Type::String => "\"a\"".to_owned(),
        Type::List(list) => format!("[{}]", example(&list.ty())),
        Type::FixedLengthList(list) => {
            let one = example(&list.ty());
            format!("[{}]", vec![one; list.len() as usize].join(", "))
        }
        Type::Record(record) => {
            let fields = record.fields();
            let fields = fields.map(|field| format!("{}: {}", field.name, example(&field.ty)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Type::Tuple(tuple) => {
            let values = tuple.types().map(|ty| example(&ty));
            format!("({})", values.collect::<Vec<_>>().join(", "))
        }
        Type::Variant(variant) => variant
            .cases()
            .next()
            .map_or_else(String::new, |case| format!("{}{}", case.name, payload(case.ty))),
        Type::Enum(cases) => cases.names().next().unwrap_or_default().to_owned(),
        Type::Option(option) => format!("some({})", example(&option.ty())),
        Type::Result(result) => format!("ok{}", payload(result.ok())),
        Type::Flags(flags) => format!("{{{}}}", flags.names().next().unwrap_or_default()),
        Type::Own(_) | Type::Borrow(_) => format!("{HANDLE}(1)"),
        Type::Map(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => "…".to_owned(),
        _ => "1".to_owned(),
    }
}
