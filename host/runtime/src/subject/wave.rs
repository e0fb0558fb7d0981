//! Between WAVE and a component's values. WAVE has no way to write a resource, so that a
//! handle stands as `handle(N)`, where N is the instance's number for it.

use std::fmt;
use wasmtime::component::wasm_wave::ast::Node;
use wasmtime::component::wasm_wave::parser::{ParserError, ParserErrorKind};
use wasmtime::component::wasm_wave::untyped::{UntypedFuncCall, UntypedValue};
use wasmtime::component::wasm_wave::wasm::DisplayType;
use wasmtime::component::{ResourceAny, Type, Val};

/// The prefix of a handle's number, as in `handle(3)`.
const HANDLE: &str = "handle";

/// A parameter of a function.
pub struct Param {
    pub name: String,
    pub ty: Type,
}

/// A resource among the arguments of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle {
    pub number: u32,
    /// Whether the call takes it away from the caller.
    pub is_given: bool,
}

/// The arguments of a call.
pub struct Arguments {
    /// In place of each resource stands the variant `handle(N)`, which [`fill`] replaces.
    pub values: Vec<Val>,
    pub handles: Vec<Handle>,
}

/// Reads the arguments of a call, `(1, "x")`, for these parameters.
///
/// # Errors
/// If an argument is wrong; the text says which one, where in it, and what type was expected.
pub fn arguments(text: &str, params: &[Param]) -> Result<Arguments, String> {
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
    let mut reader = Reader { source: &source, handles: Vec::new() };
    let read = |(i, param): (usize, &Param)| match nodes.get(i) {
        Some(node) => reader.value(node, &param.ty).map_err(|wrong| {
            let (at, name) = (i + 1, &param.name);
            format!("argument {at} `{name}`{wrong}")
        }),
        None if matches!(param.ty, Type::Option(_)) => Ok(Val::Option(None)),
        None => {
            let (at, name, ty) = (i + 1, &param.name, display(&param.ty));
            Err(format!("argument {at} `{name}` is missing, expected {ty}"))
        }
    };
    let values = params.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    let handles = reader.handles;
    for (i, given) in handles.iter().enumerate().filter(|(_, handle)| handle.is_given) {
        let number = given.number;
        if handles.iter().enumerate().any(|(j, other)| i != j && other.number == number) {
            return Err(format!("handle({number}) is given away, and cannot stand there twice"));
        }
    }
    Ok(Arguments { values, handles })
}

/// Checks that a text is a value of a type.
///
/// # Errors
/// If it is none; the text goes on after its name: where it is wrong, and what type was expected.
pub fn check(text: &str, ty: &Type) -> Result<(), String> {
    let value = UntypedValue::parse(text)
        .map_err(|error| format!(" is {text}, expected {}: {}", display(ty), plain(&error)))?;
    let mut reader = Reader { source: value.source(), handles: Vec::new() };
    reader.value(value.node(), ty).map(drop).map_err(|wrong| wrong.to_string())
}

/// A part of a value that does not fit its type.
struct Wrong {
    /// The way to the part, from the innermost step on.
    path: Vec<String>,
    found: String,
    expected: String,
    reason: String,
}

impl Wrong {
    fn at(mut self, step: impl Into<String>) -> Self {
        self.path.push(step.into());
        self
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            f.write_str(", at ")?;
            let path: String = self.path.iter().rev().map(String::as_str).collect();
            f.write_str(path.strip_prefix('.').unwrap_or(&path))?;
            f.write_str(",")?;
        }
        write!(f, " is {}, expected {}: {}", self.found, self.expected, self.reason)
    }
}

/// Reads values of known types.
struct Reader<'s> {
    source: &'s str,
    handles: Vec<Handle>,
}

impl Reader<'_> {
    fn value(&mut self, node: &Node, ty: &Type) -> Result<Val, Wrong> {
        let no_value = |error: ParserError| self.wrong(node, ty, plain(&error));
        match ty {
            Type::Own(_) => self.handle(node, ty, true),
            Type::Borrow(_) => self.handle(node, ty, false),
            Type::List(list) => {
                let nodes = node.as_list().map_err(no_value)?;
                Ok(Val::List(self.each(nodes, std::iter::repeat(list.ty()))?))
            }
            Type::FixedLengthList(list) => {
                let (nodes, length) = (node.as_list().map_err(no_value)?, list.len() as usize);
                if nodes.len() != length {
                    let reason = format!("{} values, where it has {length}", nodes.len());
                    return Err(self.wrong(node, ty, reason));
                }
                Ok(Val::FixedLengthList(self.each(nodes, std::iter::repeat(list.ty()))?))
            }
            Type::Tuple(tuple) => {
                let nodes = node.as_tuple().map_err(no_value)?;
                let types: Vec<_> = tuple.types().collect();
                if nodes.len() != types.len() {
                    let reason = format!("{} values, where it has {}", nodes.len(), types.len());
                    return Err(self.wrong(node, ty, reason));
                }
                Ok(Val::Tuple(self.each(nodes, types)?))
            }
            Type::Record(record) => {
                let given: Vec<_> = node.as_record(self.source).map_err(no_value)?.collect();
                let names: Vec<_> = record.fields().map(|field| field.name).collect();
                for (i, (name, _)) in given.iter().enumerate() {
                    self.known(node, ty, "field", name, &names)?;
                    if given[..i].iter().any(|(before, _)| before == name) {
                        return Err(self.wrong(node, ty, format!("two fields `{name}`")));
                    }
                }
                let fields = record.fields().map(|field| {
                    let name = field.name;
                    let value = match given.iter().find(|(given, _)| *given == name) {
                        Some((_, node)) => {
                            self.value(node, &field.ty).map_err(|w| w.at(format!(".{name}")))?
                        }
                        None if matches!(field.ty, Type::Option(_)) => Val::Option(None),
                        None => {
                            let reason = format!("the field `{name}` is missing");
                            return Err(self.wrong(node, ty, reason));
                        }
                    };
                    Ok((name.to_owned(), value))
                });
                Ok(Val::Record(fields.collect::<Result<_, _>>()?))
            }
            Type::Variant(variant) => {
                let (name, payload) = node.as_variant(self.source).map_err(no_value)?;
                let names: Vec<_> = variant.cases().map(|case| case.name).collect();
                self.known(node, ty, "case", name, &names)?;
                let of = variant.cases().find(|case| case.name == name).and_then(|case| case.ty);
                Ok(Val::Variant(name.to_owned(), self.payload(node, ty, name, of, payload)?))
            }
            Type::Option(option) => match node.as_option() {
                Ok(payload) => {
                    let of = payload.is_some().then(|| option.ty());
                    Ok(Val::Option(self.payload(node, ty, "some", of, payload)?))
                }
                // `x` stands for `some(x)`.
                _ if !matches!(option.ty(), Type::Option(_) | Type::Result(_)) => {
                    Ok(Val::Option(Some(Box::new(self.value(node, &option.ty())?))))
                }
                Err(error) => Err(no_value(error)),
            },
            Type::Result(result) => match (node.as_result(), result.ok()) {
                (Ok(Ok(payload)), ok) => {
                    Ok(Val::Result(Ok(self.payload(node, ty, "ok", ok, payload)?)))
                }
                (Ok(Err(payload)), _) => {
                    Ok(Val::Result(Err(self.payload(node, ty, "err", result.err(), payload)?)))
                }
                // `x` stands for `ok(x)`.
                (_, Some(ok)) if !matches!(ok, Type::Option(_) | Type::Result(_)) => {
                    Ok(Val::Result(Ok(Some(Box::new(self.value(node, &ok)?)))))
                }
                (Err(error), _) => Err(no_value(error)),
            },
            Type::Enum(of) => {
                let name = node.as_enum(self.source).map_err(no_value)?;
                self.known(node, ty, "case", name, &of.names().collect::<Vec<_>>())?;
                Ok(Val::Enum(name.to_owned()))
            }
            Type::Flags(of) => {
                let given: Vec<_> = node.as_flags(self.source).map_err(no_value)?.collect();
                let names: Vec<_> = of.names().collect();
                for name in &given {
                    self.known(node, ty, "flag", name, &names)?;
                }
                // In the order of the type, and each once.
                let set = names.iter().filter(|name| given.contains(name));
                Ok(Val::Flags(set.map(|name| (*name).to_owned()).collect()))
            }
            ty => node.to_wasm_value(ty, self.source).map_err(no_value),
        }
    }

    /// Refuses a name that a type does not have.
    fn known(
        &self,
        node: &Node,
        ty: &Type,
        what: &str,
        name: &str,
        names: &[&str],
    ) -> Result<(), Wrong> {
        if names.contains(&name) {
            return Ok(());
        }
        let reason = format!("there is no {what} `{name}`; there are {}", names.join(", "));
        Err(self.wrong(node, ty, reason))
    }

    fn each<'n>(
        &mut self,
        nodes: impl Iterator<Item = &'n Node>,
        types: impl IntoIterator<Item = Type>,
    ) -> Result<Vec<Val>, Wrong> {
        let values = nodes.zip(types).enumerate();
        let read = |(i, (node, ty)): (usize, (&Node, Type))| {
            self.value(node, &ty).map_err(|wrong| wrong.at(format!("[{i}]")))
        };
        values.map(read).collect()
    }

    /// Reads what a case has with it.
    fn payload(
        &mut self,
        node: &Node,
        of: &Type,
        case: &str,
        ty: Option<Type>,
        payload: Option<&Node>,
    ) -> Result<Option<Box<Val>>, Wrong> {
        let reason = match (ty, payload) {
            (None, None) => return Ok(None),
            (Some(ty), Some(payload)) => {
                let value = self.value(payload, &ty).map_err(|w| w.at(format!(".{case}")))?;
                return Ok(Some(Box::new(value)));
            }
            (Some(ty), None) => format!("`{case}` has a value with it, {}", display(&ty)),
            (None, Some(_)) => format!("`{case}` has no value with it"),
        };
        Err(self.wrong(node, of, reason))
    }

    fn handle(&mut self, node: &Node, ty: &Type, is_given: bool) -> Result<Val, Wrong> {
        let number = match node.as_variant(self.source) {
            Ok((HANDLE, Some(number))) => number.as_number(self.source).ok(),
            _ => None,
        };
        let Some(number) = number else {
            let reason = "a resource is written as the call that made it returned it";
            return Err(self.wrong(node, ty, reason.to_owned()));
        };
        self.handles.push(Handle { number, is_given });
        let number = Val::U32(number);
        Ok(Val::Variant(HANDLE.to_owned(), Some(Box::new(number))))
    }

    fn wrong(&self, node: &Node, ty: &Type, reason: String) -> Wrong {
        let found = self.source.get(node.span()).unwrap_or_default();
        let mut shown: String = found.chars().take(LONGEST_SHOWN).collect();
        if shown.len() < found.len() {
            shown.push('…');
        }
        Wrong { path: Vec::new(), found: shown, expected: display(ty), reason }
    }
}

/// The characters of a wrong value that an error shows.
const LONGEST_SHOWN: usize = 80;

/// Puts resources in the place of their numbers.
///
/// # Errors
/// Those of `resource`.
pub fn fill<E>(
    value: &mut Val,
    ty: &Type,
    resource: &mut impl FnMut(u32, &Type) -> Result<ResourceAny, E>,
) -> Result<(), E> {
    let mut within = |value: &mut Option<Box<Val>>, ty: Option<Type>| match (value, ty) {
        (Some(value), Some(ty)) => fill(value, &ty, resource),
        _ => Ok(()),
    };
    match (value, ty) {
        (value, Type::Own(_) | Type::Borrow(_)) => {
            if let Val::Variant(_, Some(number)) = value
                && let Val::U32(number) = **number
            {
                *value = Val::Resource(resource(number, ty)?);
            }
            Ok(())
        }
        (_, ty) if !has_handle(ty) => Ok(()),
        (Val::List(values), Type::List(list)) => {
            values.iter_mut().try_for_each(|value| fill(value, &list.ty(), resource))
        }
        (Val::FixedLengthList(values), Type::FixedLengthList(list)) => {
            values.iter_mut().try_for_each(|value| fill(value, &list.ty(), resource))
        }
        (Val::Tuple(values), Type::Tuple(tuple)) => {
            let mut values = values.iter_mut().zip(tuple.types());
            values.try_for_each(|(value, ty)| fill(value, &ty, resource))
        }
        (Val::Record(fields), Type::Record(record)) => {
            let mut fields = fields.iter_mut().zip(record.fields());
            fields.try_for_each(|((_, value), field)| fill(value, &field.ty, resource))
        }
        (Val::Variant(name, payload), Type::Variant(variant)) => {
            let case = variant.cases().find(|case| case.name == name);
            within(payload, case.and_then(|case| case.ty))
        }
        (Val::Option(payload), Type::Option(option)) => within(payload, Some(option.ty())),
        (Val::Result(Ok(payload)), Type::Result(result)) => within(payload, result.ok()),
        (Val::Result(Err(payload)), Type::Result(result)) => within(payload, result.err()),
        _ => Ok(()),
    }
}

/// Returns the error without its position, which counts from the text that WAVE was given.
fn plain(error: &ParserError) -> String {
    let kind = match error.kind() {
        ParserErrorKind::InvalidType => "it is a value of another type".to_owned(),
        ParserErrorKind::InvalidValue => "the type has no such value".to_owned(),
        kind => kind.to_string(),
    };
    error.detail().map_or_else(|| kind.clone(), |detail| format!("{kind}: {detail}"))
}

/// Returns a type as WIT spells it.
fn display(ty: &Type) -> String {
    match ty {
        Type::Own(_) | Type::Borrow(_) => "a resource, handle(N)".to_owned(),
        ty => DisplayType(ty).to_string(),
    }
}

/// Returns a function's type as WIT spells it, for a component of which no WIT can be made: without
/// the names of types.
pub fn signature(name: &str, params: &[Param], result: Option<&Type>) -> String {
    let params = params.iter().map(|param| format!("{}: {}", param.name, display(&param.ty)));
    let params = params.collect::<Vec<_>>().join(", ");
    let result = result.map_or_else(String::new, |ty| format!(" -> {}", display(ty)));
    format!("{name}: func({params}){result}")
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
