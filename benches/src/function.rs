//! One call of a function: through sandlab-runtime's subject, and through wasmtime by hand, with
//! values of the component's own types or with types that are known when the host is compiled.

use crate::{by_wasmtime, foreign};
use anyhow::{Context, Result, bail, ensure};
use sandlab::experiments::by_hand::{ByHand, Knobs};
use sandlab_runtime::config::Calls;
use sandlab_runtime::subject::{Options, Subject, load_bytes};
use sandlab_runtime::wasm::SandboxEngine;
use sandlab_runtime::{Agent, Identity, Message, SandboxConfig};
use serde::Deserialize;
use std::cell::Cell;
use std::hint::black_box;
use std::ops::Range;
use typed::Inventory;
use typed::exports::foreign::inventory::stock::Item;
use wasmtime::component::{Component, Func, InstancePre, Linker, ResourceTable, TypedFunc, Val};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// The types that are known when the host is compiled.
mod typed {
    #![allow(missing_docs)]
    wasmtime::component::bindgen!({
        path: "../guest-agents/foreign/rust/inventory/wit",
        additional_derives: [PartialEq, Clone],
    });
}

/// A function that is called, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Called {
    /// `double: func(n: u64) -> u64`: as little as a function can do.
    Double,
    /// `value` of `inventory`: a list of records in, a number out.
    Value,
    /// `dearest` of `inventory`: a list of records in, one of them out.
    Dearest,
    /// `parse` of `inventory`: a text in, a list of records out.
    Parse,
}

/// The component of [`Called::Double`].
const DOUBLE: &str = r#"(component
    (core module $m
        (func (export "double") (param i64) (result i64)
            (i64.mul (local.get 0) (i64.const 2))))
    (core instance $m (instantiate $m))
    (func (export "double") (param "n" u64) (result u64)
        (canon lift (core func $m "double"))))"#;

/// A function, loaded on all sides.
pub struct Function {
    called: Called,
    ours: Subject,
    engine: Engine,
    pre: InstancePre<Host>,
    /// The first number that no call has had.
    next: Cell<u32>,
}

/// Calls that are made in turn, no two of them alike.
const CALLS: u32 = 8;

/// Records of a call of `inventory`: in WAVE they take 1 KiB.
const ITEMS: u32 = 16;

impl Function {
    /// Loads all sides.
    ///
    /// # Errors
    /// If `inventory` is not built, or a side does not load.
    pub fn load(called: Called) -> Result<Self> {
        let component = match called {
            Called::Double => wat::parse_str(DOUBLE)?,
            _ => foreign("inventory")?,
        };
        let sandbox = SandboxConfig::default();
        let ours = load_bytes(
            &SandboxEngine::new(&sandbox)?,
            &component,
            "function",
            &Options::default(),
        )?;
        ensure!(ours.prepared().calls == Calls::Sync, "both sides call on the caller's stack");
        let (engine, pre) = link(&component, &sandbox).map_err(by_wasmtime)?;
        Ok(Self { called, ours, engine, pre, next: Cell::new(CALLS) })
    }

    /// Returns messages to a subject that call the function, no two of them alike.
    pub fn messages(&self) -> Vec<Message> {
        self.numbered(0..CALLS)
    }

    /// Returns so many of which none was ever returned before.
    pub fn new_messages(&self, count: u32) -> Vec<Message> {
        let first = self.next.replace(self.next.get() + count);
        self.numbered(first..first + count)
    }

    fn numbered(&self, numbers: Range<u32>) -> Vec<Message> {
        numbers.map(|n| Message::request(self.call(n))).collect()
    }

    /// Returns a call in WAVE.
    fn call(&self, n: u32) -> String {
        match self.called {
            Called::Double => format!("double({n})"),
            Called::Value => format!("value({}, none)", in_wave(&items(n))),
            Called::Dearest => format!("dearest({})", in_wave(&items(n))),
            Called::Parse => format!("parse({:?})", text(&items(n))),
        }
    }

    /// Returns what a call must come to, in WAVE.
    fn result(&self, n: u32) -> String {
        let items = items(n);
        match self.called {
            Called::Double => (2 * n).to_string(),
            Called::Value => value(&items).to_string(),
            Called::Dearest => format!("some({})", one_in_wave(&items[items.len() - 1])),
            Called::Parse => format!("ok({})", in_wave(&items)),
        }
    }

    /// Starts an instance through sandlab-runtime, and checks the results of calls.
    ///
    /// # Errors
    /// If it does not start, or one is wrong.
    pub fn ours(&self) -> Result<Box<dyn Agent>> {
        let mut agent = self.ours.backend.spawn(Identity::alone())?;
        for (n, message) in (0..).zip(self.messages()) {
            let reply = exchange(agent.as_mut(), &message)?;
            let (found, should) = (String::from_utf8(reply)?, self.result(n));
            ensure!(found == should, "{found}, in place of {should}");
        }
        Ok(agent)
    }

    fn start(&self) -> Result<(Store<Host>, wasmtime::component::Instance)> {
        let mut store = Store::new(&self.engine, Host::default());
        store.set_epoch_deadline(TICKS);
        let instance = self.pre.instantiate(&mut store).map_err(by_wasmtime)?;
        Ok((store, instance))
    }

    /// Starts an instance by hand, whose calls have types that are known when the host is
    /// compiled, and checks their results.
    ///
    /// # Errors
    /// If it does not start, or one is wrong.
    pub fn typed(&self) -> Result<Typed> {
        let (mut store, instance) = self.start()?;
        let find = |store: &mut Store<Host>| Inventory::new(store, &instance).map_err(by_wasmtime);
        let lists = (0..CALLS).map(items).collect();
        let call = match self.called {
            Called::Double => {
                let function = instance.get_typed_func(&mut store, "double");
                TypedCall::Double(function.map_err(by_wasmtime)?)
            }
            Called::Value => TypedCall::Value(find(&mut store)?, lists),
            Called::Dearest => TypedCall::Dearest(find(&mut store)?, lists),
            Called::Parse => {
                let texts = lists.iter().map(|items| text(items)).collect();
                TypedCall::Parse(find(&mut store)?, texts, lists)
            }
        };
        let mut typed = Typed { store, call, turn: 0 };
        for _ in 0..CALLS {
            ensure!(typed.next(true)?, "a typed call has a wrong result");
        }
        Ok(typed)
    }

    /// Starts an instance by hand, whose calls have values of the component's own types.
    ///
    /// # Errors
    /// If it does not start.
    pub fn dynamic(&self) -> Result<Dynamic> {
        let (mut store, instance) = self.start()?;
        let name = match self.called {
            Called::Double => "double",
            Called::Value => "value",
            Called::Dearest => "dearest",
            Called::Parse => "parse",
        };
        let interface = match self.called {
            Called::Double => None,
            _ => instance.get_export_index(&mut store, None, "foreign:inventory/stock@1.0.0"),
        };
        let index = instance.get_export_index(&mut store, interface.as_ref(), name);
        let function = index.and_then(|index| instance.get_func(&mut store, index));
        let arguments = |n: u32| match self.called {
            Called::Double => vec![Val::U64(n.into())],
            Called::Value => vec![values(&items(n)), Val::Option(None)],
            Called::Dearest => vec![values(&items(n))],
            Called::Parse => vec![Val::String(text(&items(n)))],
        };
        Ok(Dynamic {
            store,
            function: function.context("no such function")?,
            arguments: (0..CALLS).map(arguments).collect(),
            turn: 0,
        })
    }
}

/// Far more time than a measured call takes: it costs, and stops nothing.
const TICKS: u64 = 1 << 40;

fn link(
    component: &[u8],
    sandbox: &SandboxConfig,
) -> wasmtime::Result<(Engine, InstancePre<Host>)> {
    let engine = ByHand::engine(sandbox, Knobs { epochs: true, ..Knobs::default() })?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    let pre = linker.instantiate_pre(&Component::new(&engine, component)?)?;
    Ok((engine, pre))
}

/// Makes a call through sandlab-runtime.
///
/// # Errors
/// If it has no result.
pub fn exchange(agent: &mut dyn Agent, call: &Message) -> Result<Vec<u8>> {
    let mut handled = agent.handle(call)?;
    let Some(reply) = handled.replies.pop() else {
        bail!("the call had no reply");
    };
    Ok(reply.content)
}

/// Calls by hand, with types that are known when the host is compiled.
pub struct Typed {
    store: Store<Host>,
    call: TypedCall,
    turn: u32,
}

/// The function that is called, with the arguments of one call after another.
enum TypedCall {
    Double(TypedFunc<(u64,), (u64,)>),
    Value(Inventory, Vec<Vec<Item>>),
    Dearest(Inventory, Vec<Vec<Item>>),
    Parse(Inventory, Vec<String>, Vec<Vec<Item>>),
}

impl Typed {
    /// Makes the next call.
    ///
    /// # Errors
    /// Wasmtime's.
    pub fn exchange(&mut self) -> Result<()> {
        self.next(false).map(drop)
    }

    /// Makes the next call. Returns whether its result was right, if that is to be checked.
    fn next(&mut self, checks: bool) -> Result<bool> {
        let Self { store, call, turn } = self;
        let n = *turn as usize;
        *turn = (*turn + 1) % CALLS;
        store.set_epoch_deadline(TICKS);
        let is_right = match call {
            TypedCall::Double(function) => {
                let (doubled,) = black_box(function.call(store, (n as u64,)).map_err(by_wasmtime)?);
                !checks || doubled == 2 * n as u64
            }
            TypedCall::Value(inventory, lists) => {
                let stock = inventory.foreign_inventory_stock();
                let found = stock.call_value(store, &lists[n], None);
                black_box(found.map_err(by_wasmtime)?) == value(&lists[n]) || !checks
            }
            TypedCall::Dearest(inventory, lists) => {
                let stock = inventory.foreign_inventory_stock();
                let found = stock.call_dearest(store, &lists[n]);
                let found = black_box(found.map_err(by_wasmtime)?);
                !checks || found.as_ref() == lists[n].last()
            }
            TypedCall::Parse(inventory, texts, lists) => {
                let stock = inventory.foreign_inventory_stock();
                let found = stock.call_parse(store, &texts[n]);
                let found = black_box(found.map_err(by_wasmtime)?);
                !checks || found.as_ref() == Ok(&lists[n])
            }
        };
        Ok(is_right)
    }
}

/// Calls by hand, with values of the component's own types.
pub struct Dynamic {
    store: Store<Host>,
    function: Func,
    arguments: Vec<Vec<Val>>,
    turn: usize,
}

impl Dynamic {
    /// Makes the next call.
    ///
    /// # Errors
    /// Wasmtime's.
    pub fn exchange(&mut self) -> Result<()> {
        let arguments = &self.arguments[self.turn];
        self.turn = (self.turn + 1) % self.arguments.len();
        self.store.set_epoch_deadline(TICKS);
        let mut result = [Val::Bool(false)];
        let called = self.function.call(&mut self.store, arguments, &mut result);
        called.map_err(by_wasmtime)?;
        black_box(result);
        Ok(())
    }
}

/// Returns the items of a call; the last one costs most.
fn items(n: u32) -> Vec<Item> {
    let item = |i| Item {
        name: format!("part-{n}-{i}"),
        price: 10 + i,
        count: 1 + (i + n) % 5,
        tags: vec!["tools".to_owned(), "steel".to_owned()],
    };
    (0..ITEMS).map(item).collect()
}

fn value(items: &[Item]) -> u64 {
    items.iter().map(|item| u64::from(item.price) * u64::from(item.count)).sum()
}

/// Returns the items in the text that `parse` reads.
fn text(items: &[Item]) -> String {
    let one = |item: &Item| {
        format!("{} {} {} {}", item.name, item.price, item.count, item.tags.join(","))
    };
    items.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn in_wave(items: &[Item]) -> String {
    let items: Vec<_> = items.iter().map(one_in_wave).collect();
    format!("[{}]", items.join(", "))
}

fn one_in_wave(item: &Item) -> String {
    let Item { name, price, count, tags } = item;
    format!("{{name: {name:?}, price: {price}, count: {count}, tags: {tags:?}}}")
}

fn values(items: &[Item]) -> Val {
    let field = |name: &str, value| (name.to_owned(), value);
    let one = |item: &Item| {
        let tags = item.tags.iter().cloned().map(Val::String).collect();
        Val::Record(vec![
            field("name", Val::String(item.name.clone())),
            field("price", Val::U32(item.price)),
            field("count", Val::U32(item.count)),
            field("tags", Val::List(tags)),
        ])
    };
    Val::List(items.iter().map(one).collect())
}

/// The least that a host must have for a component that computes.
#[derive(Default)]
struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
