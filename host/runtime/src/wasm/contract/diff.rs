//! Compares a component's types with the contract's.
//!
//! Both are decoded into the same form and walked together, so that all differences are found
//! at once. A type that many functions share is reported once, where it is defined. The walk
//! follows the contract, which is small, so that a component's other types cost nothing.

use super::{Difference, DifferenceKind, EXPORTS, IMPORTS, PACKAGE, VERSION};
use crate::wasm::offered::is_compatible;
use crate::wasm::signature::{definition, signature};
use std::collections::{BTreeMap, BTreeSet};
use wit_parser::{
    Function, Handle, Interface, Resolve, Type, TypeDefKind, TypeId, WorldId, WorldItem, WorldKey,
};

/// Returns all differences of a component that has to export the interfaces `required`,
/// imports first.
pub fn walk(
    contract: &Resolve,
    component: &Resolve,
    world: WorldId,
    required: &[&str],
) -> Vec<Difference> {
    let component = Side { resolve: component, world };
    let mut diff = Diff {
        contract,
        component: &component,
        seen: BTreeMap::new(),
        reported: BTreeSet::new(),
        found: Vec::new(),
    };
    diff.imports();
    diff.exports(required);
    diff.found
}

/// Returns all differences of a component from a world that somebody else wrote, imports first:
/// of the imports those that the world does not have, of the exports those that the component
/// lacks.
pub fn walk_world(
    wanted: &Resolve,
    wanted_world: WorldId,
    component: &Resolve,
    world: WorldId,
) -> Vec<Difference> {
    let side = Side { resolve: component, world };
    let mut diff = Diff {
        contract: wanted,
        component: &side,
        seen: BTreeMap::new(),
        reported: BTreeSet::new(),
        found: Vec::new(),
    };
    let (wanted, found) = (&wanted.worlds[wanted_world], &component.worlds[world]);
    diff.items(wanted.imports.iter().collect(), found.imports.iter().collect(), false);
    diff.items(wanted.exports.iter().collect(), found.exports.iter().collect(), true);
    diff.found
}

/// The items of a world.
type Items<'a> = Vec<(&'a WorldKey, &'a WorldItem)>;

/// The decoded component.
struct Side<'a> {
    resolve: &'a Resolve,
    world: WorldId,
}

/// An interface of the contract's package that a component imports or exports.
struct Mentioned<'a> {
    name: String,
    version: String,
    interface: &'a Interface,
}

impl<'a> Side<'a> {
    fn imported(&self) -> Vec<Mentioned<'a>> {
        self.mentioned(self.resolve.worlds[self.world].imports.iter())
    }

    fn exported(&self) -> Vec<Mentioned<'a>> {
        self.mentioned(self.resolve.worlds[self.world].exports.iter())
    }

    /// Returns the interfaces of the package, of any version.
    fn mentioned(
        &self,
        items: impl Iterator<Item = (&'a WorldKey, &'a WorldItem)>,
    ) -> Vec<Mentioned<'a>> {
        let mentioned = items.filter_map(|(key, item)| {
            let WorldItem::Interface { id, .. } = item else {
                return None;
            };
            let key = self.resolve.name_world_key(key);
            let (path, version) = key.split_once('@').unwrap_or((&key, ""));
            let (package, name) = path.split_once('/')?;
            (package == PACKAGE).then(|| Mentioned {
                name: name.to_owned(),
                version: version.to_owned(),
                interface: &self.resolve.interfaces[*id],
            })
        });
        mentioned.collect()
    }

    fn names(&self) -> Vec<String> {
        let exports = self.resolve.worlds[self.world].exports.keys();
        exports.map(|key| self.resolve.name_world_key(key)).collect()
    }
}

/// A walk over both sides.
struct Diff<'a> {
    contract: &'a Resolve,
    component: &'a Side<'a>,
    /// The named types that were compared, and whether they are the same.
    seen: BTreeMap<(TypeId, TypeId), bool>,
    /// The contract's types whose difference was reported.
    reported: BTreeSet<TypeId>,
    found: Vec<Difference>,
}

impl<'a> Diff<'a> {
    fn imports(&mut self) {
        for import in self.component.imported() {
            let path = path(&import.name, VERSION);
            let known = IMPORTS.contains(&import.name.as_str());
            let wanted = known.then(|| self.interface(&import.name)).flatten();
            let Some(wanted) = wanted else {
                self.tell(
                    DifferenceKind::UnknownImport,
                    self::path(&import.name, &import.version),
                    IMPORTS.map(|name| self::path(name, VERSION)).join(", "),
                    self::path(&import.name, &import.version),
                );
                continue;
            };
            if !self.version(&import) {
                continue;
            }
            self.types(wanted, import.interface);
            // A component imports only what it uses.
            for (name, found) in &import.interface.functions {
                match wanted.functions.get(name) {
                    Some(function) => self.function(&path, function, found),
                    None => self.tell(
                        DifferenceKind::UnknownFunction,
                        format!("{path}#{name}"),
                        list(self.contract, wanted),
                        signature(self.component.resolve, found),
                    ),
                }
            }
        }
    }

    fn exports(&mut self, required: &[&str]) {
        let exported = self.component.exported();
        for name in EXPORTS {
            let Some(wanted) = self.interface(name) else {
                continue;
            };
            let mut those = exported.iter().filter(|export| export.name == name);
            match those.next() {
                Some(export) => self.export(wanted, export),
                None if required.contains(&name) => self.tell(
                    DifferenceKind::MissingInterface,
                    path(name, VERSION),
                    list(self.contract, wanted),
                    nothing_or(self.component.names()),
                ),
                None => {}
            }
        }
        for name in self.component.names() {
            let of_package = name.split('@').next().and_then(|name| name.split_once('/'));
            let known = of_package
                .is_some_and(|(package, name)| package == PACKAGE && EXPORTS.contains(&name));
            if !known {
                self.tell(DifferenceKind::Extra, name.clone(), String::new(), name);
            }
        }
    }

    /// Compares the items of two worlds. Of `required` items the wanted world says what there must
    /// be, of others what there may be.
    fn items(&mut self, wanted: Items<'a>, found: Items<'a>, required: bool) {
        let (ours, theirs) = (self.contract, self.component.resolve);
        let name = |resolve: &Resolve, key: &WorldKey| resolve.name_world_key(key);
        let all = |resolve: &Resolve, items: &Items| {
            nothing_or(items.iter().map(|(key, _)| name(resolve, key)).collect())
        };
        for (key, found_item) in &found {
            let path = name(theirs, key);
            let same = wanted.iter().find(|(known, _)| is_same(&name(ours, known), &path));
            match (same, found_item) {
                (
                    Some((_, WorldItem::Interface { id: a, .. })),
                    WorldItem::Interface { id, .. },
                ) => {
                    self.interfaces(&path, &ours.interfaces[*a], &theirs.interfaces[*id], required);
                }
                (Some((_, WorldItem::Function(a))), WorldItem::Function(b)) => {
                    self.function(&path, a, b);
                }
                (Some(_), _) | (None, WorldItem::Type { .. }) => {}
                (None, _) if required => {
                    self.tell(DifferenceKind::Extra, path.clone(), String::new(), path);
                }
                (None, _) => {
                    self.tell(
                        DifferenceKind::UnknownImport,
                        path.clone(),
                        all(ours, &wanted),
                        path,
                    );
                }
            }
        }
        for (key, item) in wanted.iter().filter(|_| required) {
            let path = name(ours, key);
            if matches!(item, WorldItem::Type { .. })
                || found.iter().any(|(known, _)| is_same(&path, &name(theirs, known)))
            {
                continue;
            }
            let (kind, wanted) = match item {
                WorldItem::Interface { id, .. } => {
                    (DifferenceKind::MissingInterface, list(ours, &ours.interfaces[*id]))
                }
                WorldItem::Function(function) => {
                    (DifferenceKind::MissingFunction, signature(ours, function))
                }
                WorldItem::Type { .. } => continue,
            };
            self.tell(kind, path, wanted, all(theirs, &found));
        }
    }

    /// Compares two interfaces: the first has to have all functions of the second, or the other
    /// way round if they are required.
    fn interfaces(&mut self, path: &str, wanted: &Interface, found: &Interface, required: bool) {
        self.types(wanted, found);
        for (name, function) in &found.functions {
            match wanted.functions.get(name) {
                Some(wanted) => self.function(path, wanted, function),
                None if required => {}
                None => self.tell(
                    DifferenceKind::UnknownFunction,
                    format!("{path}#{name}"),
                    list(self.contract, wanted),
                    signature(self.component.resolve, function),
                ),
            }
        }
        let missing = wanted
            .functions
            .iter()
            .filter(|(name, _)| required && !found.functions.contains_key(*name));
        for (name, function) in missing {
            self.tell(
                DifferenceKind::MissingFunction,
                format!("{path}#{name}"),
                signature(self.contract, function),
                list(self.component.resolve, found),
            );
        }
    }

    fn export(&mut self, wanted: &'a Interface, export: &Mentioned<'a>) {
        if !self.version(export) {
            return;
        }
        let path = path(&export.name, VERSION);
        self.types(wanted, export.interface);
        for function in wanted.functions.values() {
            match export.interface.functions.get(&function.name) {
                Some(found) => self.function(&path, function, found),
                None => self.tell(
                    DifferenceKind::MissingFunction,
                    format!("{path}#{}", function.name),
                    signature(self.contract, function),
                    nothing_or(
                        export
                            .interface
                            .functions
                            .values()
                            .map(|function| signature(self.component.resolve, function))
                            .collect(),
                    ),
                ),
            }
        }
    }

    /// Returns whether the linker takes an interface's version for the contract's. Reports any
    /// other version, also one that is taken.
    fn version(&mut self, mentioned: &Mentioned) -> bool {
        if mentioned.version == VERSION {
            return true;
        }
        let wanted = VERSION.parse::<semver::Version>();
        let is_linked = wanted.is_ok_and(|wanted| is_compatible(&wanted, &mentioned.version));
        self.tell(
            if is_linked { DifferenceKind::Compatible } else { DifferenceKind::Version },
            path(&mentioned.name, &mentioned.version),
            path(&mentioned.name, VERSION),
            path(&mentioned.name, &mentioned.version),
        );
        is_linked
    }

    /// Compares the named types that both sides have.
    fn types(&mut self, wanted: &Interface, found: &Interface) {
        for (name, wanted) in &wanted.types {
            if let Some(found) = found.types.get(name) {
                self.same(&Type::Id(*wanted), &Type::Id(*found));
            }
        }
    }

    fn function(&mut self, path: &str, wanted: &Function, found: &Function) {
        // An async function has another calling convention, whatever its types are.
        let mut same = wanted.params.len() == found.params.len()
            && wanted.kind.is_async() == found.kind.is_async();
        for (wanted, found) in wanted.params.iter().zip(&found.params) {
            same &= self.same(&wanted.ty, &found.ty) && wanted.name == found.name;
        }
        same &= self.same_option(wanted.result.as_ref(), found.result.as_ref());
        if !same {
            self.tell(
                DifferenceKind::Signature,
                format!("{path}#{}", wanted.name),
                signature(self.contract, wanted),
                signature(self.component.resolve, found),
            );
        }
    }

    /// Returns whether two types are the same where they are used. A difference within a type
    /// that has the same name on both sides is reported at its definition, and does not count
    /// here.
    fn same(&mut self, wanted: &Type, found: &Type) -> bool {
        let (wanted, found) =
            (unaliased(self.contract, wanted), unaliased(self.component.resolve, found));
        let (Type::Id(wanted), Type::Id(found)) = (wanted, found) else {
            return wanted == found;
        };
        if let Some(same) = self.seen.get(&(wanted, found)) {
            return *same;
        }
        let (ours, theirs) = (&self.contract.types[wanted], &self.component.resolve.types[found]);
        let mut same = self.same_kind(&ours.kind, &theirs.kind);
        if !same && ours.name.is_some() && ours.name == theirs.name {
            if self.reported.insert(wanted) {
                self.tell(
                    DifferenceKind::Type,
                    self.type_path(wanted),
                    definition(self.contract, wanted),
                    definition(self.component.resolve, found),
                );
            }
            same = true;
        }
        self.seen.insert((wanted, found), same);
        same
    }

    fn same_kind(&mut self, wanted: &TypeDefKind, found: &TypeDefKind) -> bool {
        use TypeDefKind as K;
        match (wanted, found) {
            (K::Record(a), K::Record(b)) => {
                self.same_members(&a.fields, &b.fields, |field| (&field.name, Some(&field.ty)))
            }
            (K::Variant(a), K::Variant(b)) => {
                self.same_members(&a.cases, &b.cases, |case| (&case.name, case.ty.as_ref()))
            }
            (K::Enum(a), K::Enum(b)) => {
                self.same_members(&a.cases, &b.cases, |case| (&case.name, None))
            }
            (K::Flags(a), K::Flags(b)) => {
                self.same_members(&a.flags, &b.flags, |flag| (&flag.name, None))
            }
            (K::Tuple(a), K::Tuple(b)) => {
                let pairs = a.types.iter().zip(&b.types);
                a.types.len() == b.types.len()
                    && pairs.fold(true, |same, (a, b)| self.same(a, b) && same)
            }
            (K::List(a), K::List(b)) | (K::Option(a), K::Option(b)) => self.same(a, b),
            (K::Result(a), K::Result(b)) => {
                let ok = self.same_option(a.ok.as_ref(), b.ok.as_ref());
                self.same_option(a.err.as_ref(), b.err.as_ref()) && ok
            }
            (K::Handle(Handle::Own(a)), K::Handle(Handle::Own(b)))
            | (K::Handle(Handle::Borrow(a)), K::Handle(Handle::Borrow(b))) => {
                self.same(&Type::Id(*a), &Type::Id(*b))
            }
            (K::Resource, K::Resource) => true,
            _ => false,
        }
    }

    /// Returns whether fields or cases are the same, in the same order.
    fn same_members<T>(
        &mut self,
        wanted: &[T],
        found: &[T],
        parts: impl Fn(&T) -> (&String, Option<&Type>),
    ) -> bool {
        let mut same = wanted.len() == found.len();
        for (wanted, found) in wanted.iter().zip(found) {
            let ((our_name, ours), (their_name, theirs)) = (parts(wanted), parts(found));
            same &= self.same_option(ours, theirs) && our_name == their_name;
        }
        same
    }

    fn same_option(&mut self, wanted: Option<&Type>, found: Option<&Type>) -> bool {
        match (wanted, found) {
            (Some(wanted), Some(found)) => self.same(wanted, found),
            (None, None) => true,
            _ => false,
        }
    }

    fn interface(&self, name: &str) -> Option<&'a Interface> {
        let mut all = self.contract.interfaces.iter();
        all.find_map(|(_, found)| (found.name.as_deref() == Some(name)).then_some(found))
    }

    fn type_path(&self, id: TypeId) -> String {
        let definition = &self.contract.types[id];
        let owner = match definition.owner {
            wit_parser::TypeOwner::Interface(id) => self.contract.id_of(id),
            _ => None,
        };
        let name = definition.name.as_deref().unwrap_or_default();
        format!("{}#{name}", owner.unwrap_or_else(|| PACKAGE.to_owned()))
    }

    fn tell(&mut self, kind: DifferenceKind, path: String, wanted: String, found: String) {
        self.found.push(Difference { kind, path, wanted, found });
    }
}

/// Returns whether two interfaces have one name, in versions that the linker takes for each other.
fn is_same(wanted: &str, found: &str) -> bool {
    let (ours, theirs) = (wanted.split_once('@'), found.split_once('@'));
    match (ours, theirs) {
        (Some((a, wanted)), Some((b, found))) => {
            let version = wanted.parse::<semver::Version>();
            a == b && version.is_ok_and(|version| is_compatible(&version, found))
        }
        _ => wanted == found,
    }
}

/// Resolves aliases: `type agent-id = u64` is a `u64`.
fn unaliased(resolve: &Resolve, ty: &Type) -> Type {
    let mut ty = *ty;
    while let Type::Id(id) = ty
        && let TypeDefKind::Type(of) = &resolve.types[id].kind
    {
        ty = *of;
    }
    ty
}

fn path(interface: &str, version: &str) -> String {
    let at = if version.is_empty() { "" } else { "@" };
    format!("{PACKAGE}/{interface}{at}{version}")
}

fn list(resolve: &Resolve, interface: &Interface) -> String {
    let functions = interface.functions.values();
    nothing_or(functions.map(|f| signature(resolve, f)).collect())
}

fn nothing_or(names: Vec<String>) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.join("; ")
}
