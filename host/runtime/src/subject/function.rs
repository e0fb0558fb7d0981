//! Functions: a message is a call in WAVE, `ns:pkg/iface.func("x", {a: 1})`, its reply the result
//! in WAVE, `()` for a function without one.
//!
//! The path may omit the version, and the package too, as long as the rest names one function:
//! `iface.func(…)`, `func(…)`. For a resource `counter`, `counter(…)` is the constructor,
//! `counter.add(handle(1), 2)` a method, and `drop(handle(1))` drops it. A resource that a call
//! returns is `handle(N)` in the reply, with the lowest number from 1 on that is free in its
//! instance, and lives as long as the instance unless it is given away or dropped: calls that drop
//! their resources can be repeated word for word.

use super::instance::{Live, Stop};
use super::known::{Known, Recent};
use super::wave::{self, Arguments, Handle, Param};
use super::write;
use crate::wasm::signature::signature;
use crate::wasm::state::State;
use crate::wasm::store::timed;
use crate::{Budget, Cause, Failure, Fault, LoadError, SandboxConfig};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, Func, ResourceAny, Type, Val};
use wasmtime::{Engine, Store};
use wit_parser::WorldItem;
use wit_parser::decoding::{DecodedWasm, decode};

/// A function that a message can call.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Function {
    /// The function's full path, with which a call begins: `ns:pkg/iface@1.0.0.func`.
    pub path: String,
    /// Its type in WIT: `func: func(a: u32) -> string`.
    pub signature: String,
    /// A call that fits its types: a message's content, if the values mean anything to it.
    pub example: String,
}

/// The result of a function that returns nothing.
const NOTHING: &str = "()";

/// The functions of a component.
pub(super) struct Functions {
    list: Vec<Function>,
    targets: Vec<Target>,
    /// Functions by each form of their paths; `None` where two functions share it.
    by_path: HashMap<String, Option<usize>>,
    fiber: bool,
    /// The calls that messages have had.
    calls: Known<What>,
}

/// A function, as wasmtime knows it.
struct Target {
    index: ComponentExportIndex,
    params: Vec<Param>,
    /// `None` if it returns nothing.
    result: Option<Type>,
    returns_handles: bool,
}

/// The request in a message's text, parsed.
enum What {
    Call {
        target: usize,
        /// The arguments; those in `handles` have to be put in for each call.
        values: Vec<Val>,
        /// The resources in them.
        handles: Vec<Handle>,
    },
    /// Drops a resource.
    Drop(u32),
}

/// The state that an instance keeps from one call to the next.
#[derive(Default)]
pub(super) struct Session {
    calls: Recent<What>,
    /// The functions that have been called, at their places in the list.
    found: Vec<Option<Func>>,
    /// The length of the last result.
    length: usize,
    handles: HashMap<u32, ResourceAny>,
    /// Numbers below the highest one ever given out that are free again.
    free: BinaryHeap<Reverse<u32>>,
}

impl Functions {
    /// Lists the functions that a component exports.
    ///
    /// # Errors
    /// If it exports none that can be called.
    pub fn find(
        compiled: &Component,
        engine: &Engine,
        fiber: bool,
        component: &[u8],
    ) -> Result<Self, LoadError> {
        let mut functions = Self {
            list: Vec::new(),
            targets: Vec::new(),
            by_path: HashMap::new(),
            fiber,
            calls: Known::default(),
        };
        let signatures = signatures(component);
        let signature = |interface: &str, name: &str| {
            let key = (interface.to_owned(), name.to_owned());
            signatures.get(&key).cloned()
        };
        for (name, export) in compiled.component_type().exports(engine) {
            match export.ty {
                ComponentItem::ComponentFunc(function) => {
                    if let Some(index) = compiled.get_export_index(None, name) {
                        functions.add("", name, index, &function, signature("", name));
                    }
                }
                ComponentItem::ComponentInstance(interface) => {
                    let Some(parent) = compiled.get_export_index(None, name) else {
                        continue;
                    };
                    for (of, export) in interface.exports(engine) {
                        if let ComponentItem::ComponentFunc(function) = export.ty
                            && let Some(index) = compiled.get_export_index(Some(&parent), of)
                        {
                            functions.add(name, of, index, &function, signature(name, of));
                        }
                    }
                }
                _ => {}
            }
        }
        if functions.list.is_empty() {
            return Err(LoadError::Kind(super::KindError::Nothing));
        }
        Ok(functions)
    }

    pub fn list(&self) -> &[Function] {
        &self.list
    }

    fn add(
        &mut self,
        interface: &str,
        name: &str,
        index: ComponentExportIndex,
        function: &ComponentFunc,
        signature: Option<String>,
    ) {
        let params = function.params();
        let params: Vec<_> = params.map(|(name, ty)| Param { name: name.to_owned(), ty }).collect();
        let result = function.results().next();
        let signature =
            signature.unwrap_or_else(|| wave::signature(name, &params, result.as_ref()));
        // `[method]counter.add` is `counter.add`.
        let short = name.split_once(']').map_or(name, |(_, name)| name);
        let paths = paths(interface, short);
        let arguments: Vec<_> = params.iter().map(|p| wave::example(&p.ty)).collect();
        self.list.push(Function {
            example: format!("{}({})", paths[0], arguments.join(", ")),
            path: paths[0].clone(),
            signature,
        });
        for path in paths {
            let target = self.targets.len();
            let entry = self.by_path.entry(path);
            entry.and_modify(|found| *found = None).or_insert(Some(target));
        }
        self.targets.push(Target {
            index,
            params,
            returns_handles: result.as_ref().is_some_and(wave::has_handle),
            result,
        });
    }

    /// Makes a call.
    pub async fn respond(
        &self,
        live: &mut Live,
        config: &SandboxConfig,
        content: &[u8],
    ) -> Result<Vec<u8>, Stop> {
        let Live { store, linked, session, .. } = live;
        let read = session.calls.read(content, &self.calls, |text| self.parse(text));
        let read = read.map_err(Stop::not_understood)?;
        let (target, values, handles) = match &read.of {
            What::Call { target, values, handles } => (*target, values, handles),
            What::Drop(number) => return self.drop_handle(store, session, *number).await,
        };
        let of = &self.targets[target];
        let function = match session.found.get(target) {
            Some(Some(function)) => *function,
            _ => {
                let function = linked.get_func(&mut *store, of.index);
                let function = function.ok_or_else(|| Cause::Host("no such export".to_owned()))?;
                session.found.resize(self.targets.len(), None);
                session.found[target] = Some(function);
                function
            }
        };
        let filled;
        let values = if handles.is_empty() {
            values
        } else {
            filled = session.fill(store, &function, values)?;
            &filled
        };
        let mut result = [Val::Bool(false)];
        let results = &mut result[..usize::from(of.result.is_some())];
        if self.fiber {
            let call = function.call_async(&mut *store, values, results);
            timed(config.deadline, call).await?;
        } else {
            function.call(&mut *store, values, results)?;
        }
        for given in handles.iter().filter(|handle| handle.is_given) {
            session.release(given.number);
        }
        if of.result.is_none() {
            return Ok(NOTHING.as_bytes().to_vec());
        }
        let [mut result] = result;
        if of.returns_handles {
            wave::number(&mut result, &mut |resource| session.keep(resource, config))?;
        }
        // Most are about as long as the one before.
        let text = write::wave(&result, session.length);
        let text = text.map_err(|text| Stop::Failure(Failure::Internal(text)))?;
        session.length = text.len();
        Ok(text.into_bytes())
    }

    async fn drop_handle(
        &self,
        store: &mut Store<State>,
        session: &mut Session,
        number: u32,
    ) -> Result<Vec<u8>, Stop> {
        let resource = session.release(number).ok_or_else(|| none(number))?;
        if self.fiber {
            resource.resource_drop_async(store).await?;
        } else {
            resource.resource_drop(store)?;
        }
        Ok(NOTHING.as_bytes().to_vec())
    }

    fn parse(&self, text: &[u8]) -> Result<What, String> {
        let text = str::from_utf8(text).map_err(|error| format!("no call, but bytes: {error}"))?;
        let text = text.trim();
        let Some(open) = text.find('(') else {
            return Err(format!("no call: {text:?} has no arguments, as in `f(1)`"));
        };
        let (path, arguments) = (text[..open].trim_end(), &text[open..]);
        let target = match self.by_path.get(path) {
            Some(Some(target)) => *target,
            Some(None) => {
                return Err(format!(
                    "more than one function is called `{path}`; write it in full: {}",
                    self.all()
                ));
            }
            None if path == "drop" => {
                let number = arguments.strip_prefix("(handle(");
                let number = number.and_then(|text| text.strip_suffix("))"));
                let number = number.and_then(|text| text.parse().ok());
                let usage = || format!("{text:?} is not `drop(handle(N))`");
                return number.map(What::Drop).ok_or_else(usage);
            }
            None => return Err(format!("no function `{path}`; there are {}", self.all())),
        };
        let wrong = |error| format!("`{path}`: {error}; it is {}", self.list[target].signature);
        let arguments = wave::arguments(arguments, &self.targets[target].params).map_err(wrong)?;
        let Arguments { values, handles } = arguments;
        Ok(What::Call { target, values, handles })
    }

    /// Checks that a message is a call of one of the functions.
    ///
    /// # Errors
    /// If the content is no such call; the text names the function's type.
    pub fn check(&self, content: &[u8]) -> Result<(), String> {
        self.calls.read(content, |text| self.parse(text)).map(drop)
    }

    /// Checks that a text is a result that the function of a call can have.
    ///
    /// # Errors
    /// If it is not; the text names the function's type.
    pub fn check_result(&self, call: &[u8], result: &str) -> Result<(), String> {
        let read = self.calls.read(call, |text| self.parse(text))?;
        let target = match &read.of {
            What::Call { target, .. } => *target,
            What::Drop(_) if result.trim() == NOTHING => return Ok(()),
            What::Drop(_) => return Err(format!("`drop` returns nothing, which is {NOTHING}")),
        };
        let wrong = |reason: String| {
            format!("the result{reason}; the function is {}", self.list[target].signature)
        };
        match &self.targets[target].result {
            Some(ty) => wave::check(result, ty).map_err(wrong),
            None if result.trim() == NOTHING => Ok(()),
            None => Err(wrong(format!(" is {result}, expected {NOTHING}, which is nothing"))),
        }
    }

    fn all(&self) -> String {
        let paths: Vec<_> = self.list.iter().map(|f| f.path.as_str()).collect();
        paths.join(", ")
    }
}

impl Session {
    /// Returns the arguments with the instance's own resources put in.
    fn fill(
        &self,
        store: &Store<State>,
        function: &Func,
        values: &[Val],
    ) -> Result<Vec<Val>, Stop> {
        let mut values = values.to_vec();
        let ty = function.ty(store);
        let mut resource = |number: u32, ty: &Type| {
            let resource = self.handles.get(&number).ok_or_else(|| none(number))?;
            match ty {
                Type::Own(wanted) | Type::Borrow(wanted) if resource.ty() == *wanted => {
                    Ok(*resource)
                }
                _ => Err(Stop::not_understood(format!("handle({number}) is of another resource"))),
            }
        };
        for (value, (_, ty)) in values.iter_mut().zip(ty.params()) {
            wave::fill(value, &ty, &mut resource)?;
        }
        Ok(values)
    }

    /// Gives a resource its number.
    fn keep(&mut self, resource: ResourceAny, config: &SandboxConfig) -> Result<u32, Fault> {
        if self.handles.len() >= config.budgets.handles as usize {
            return Err(Cause::OverBudget {
                budget: Budget::Handles,
                limit: config.budgets.handles.into(),
            }
            .into());
        }
        // Without a free one, the numbers from 1 on are all in use.
        let next = || self.handles.len() as u32 + 1;
        let number = self.free.pop().map_or_else(next, |Reverse(number)| number);
        self.handles.insert(number, resource);
        Ok(number)
    }

    /// Takes a resource that is no longer the instance's own, and frees its number.
    fn release(&mut self, number: u32) -> Option<ResourceAny> {
        let resource = self.handles.remove(&number)?;
        self.free.push(Reverse(number));
        Some(resource)
    }
}

fn none(number: u32) -> Stop {
    Stop::not_understood(format!(
        "there is no handle({number}): no call has returned it, or it was given away"
    ))
}

/// Returns the ways to write a function's path, the full one first.
fn paths(interface: &str, name: &str) -> Vec<String> {
    if interface.is_empty() {
        return vec![name.to_owned()];
    }
    let mut paths = vec![format!("{interface}.{name}")];
    let plain = interface.split('@').next().unwrap_or(interface);
    let last = plain.rsplit('/').next().unwrap_or(plain);
    for path in [format!("{plain}.{name}"), format!("{last}.{name}"), name.to_owned()] {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// Returns the types of a component's functions, by interface (empty for its own) and name. Empty
/// if the component cannot be decoded.
fn signatures(component: &[u8]) -> HashMap<(String, String), String> {
    let Ok(DecodedWasm::Component(resolve, world)) = decode(component) else {
        return HashMap::new();
    };
    let mut signatures = HashMap::new();
    for (key, item) in &resolve.worlds[world].exports {
        match item {
            WorldItem::Function(function) => {
                let key = (String::new(), function.name.clone());
                signatures.insert(key, signature(&resolve, function));
            }
            WorldItem::Interface { id, .. } => {
                let interface = resolve.name_world_key(key);
                for (name, function) in &resolve.interfaces[*id].functions {
                    let key = (interface.clone(), name.clone());
                    signatures.insert(key, signature(&resolve, function));
                }
            }
            WorldItem::Type { .. } => {}
        }
    }
    signatures
}
