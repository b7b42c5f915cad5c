//! Types that users make: enumerated, domain, composite, range.

use super::Lock;
use super::base_type;
use super::order::Action;
use super::scene::{Item, Scene, table_of};
use super::sql::{AlterTable, Alteration, Joined, Maybe, flag, relation};
use super::table::Parts;
use crate::model::{Attribute, Body, Default, Domain, EnumLabel, Fact, FactId, Kind, Literal, Name, Qualified, Range};
use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};
use std::fmt;

/// The labels of an enumerated type afterwards, in order.
fn labels(scene: &Scene, id: &FactId) -> Vec<Name> {
    let mut next: HashMap<Option<Name>, Name> = HashMap::new();
    let mut add = |fact: &Fact| {
        if let Body::EnumLabel(label) = &fact.body {
            next.insert(label.after.clone(), fact.id.name().clone());
        }
    };
    let own = |label: &FactId| label.kind == Kind::EnumLabel && label.path[..2] == id.path[..];
    if !scene.creates(id) {
        scene.around.children(id).iter().filter(|fact| own(&fact.id) && scene.item_of(&fact.id).is_none()).for_each(&mut add);
    }
    scene.items.iter().filter_map(|item| item.after.as_ref()).filter(|fact| own(&fact.id)).for_each(&mut add);
    let mut order = Vec::with_capacity(next.len());
    let mut at = None;
    while let Some(label) = next.remove(&at) {
        order.push(label.clone());
        at = Some(label);
    }
    order
}

/// Whether labels that stay change places among themselves. That others come or go between them moves nothing.
pub(super) fn reordered(scene: &Scene, old: &FactId) -> bool {
    let children = scene.around.children(old);
    let stood: HashMap<Option<&Name>, &FactId> = children
        .iter()
        .filter_map(|fact| match &fact.body {
            Body::EnumLabel(label) => Some((label.after.as_ref(), &fact.id)),
            _ => None,
        })
        .collect();
    let mut before = Vec::with_capacity(stood.len());
    let mut at = None;
    while let Some(label) = stood.get(&at).filter(|_| before.len() < stood.len()) {
        at = Some(label.name());
        match scene.item_of(label) {
            Some(i) => before.extend(scene.items[i].after.as_ref().map(|fact| fact.id.name().clone())),
            None => before.push(label.name().clone()),
        }
    }
    let mut after = labels(scene, &scene.renames.now(old, None));
    after.retain(|label| before.contains(label));
    before != after
}

struct Labels(Vec<Name>);

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let literals: Vec<Literal> = self.0.iter().map(|label| Literal(label.as_str())).collect();
        write!(f, "{}", Joined(&literals, ", "))
    }
}

/// The labels of new enumerated types, gathered once.
#[derive(Default)]
pub(super) struct NewEnums(HashMap<FactId, HashMap<Option<Name>, FactId>>);

impl NewEnums {
    pub(super) fn gather(scene: &Scene) -> Self {
        let mut map = Self::default();
        for fact in scene.items.iter().filter(|item| item.before.is_none()).filter_map(|item| item.after.as_ref()) {
            if let Body::EnumLabel(EnumLabel { after }) = &fact.body {
                map.0.entry(FactId::new(Kind::Enum, fact.id.path[..2].iter().cloned())).or_default().insert(after.clone(), fact.id.clone());
            }
        }
        map
    }
    fn of(&self, id: &FactId) -> Vec<FactId> {
        let mut order = Vec::new();
        let mut at = None;
        while let Some(label) = self.0.get(id).and_then(|labels| labels.get(&at)).filter(|_| order.len() < 100_000) {
            order.push(label.clone());
            at = Some(label.name().clone());
        }
        order
    }
}

pub(super) fn create_enum(new: &NewEnums, fact: &Fact, out: &mut Vec<Action>) {
    let labels = new.of(&fact.id);
    let names = Labels(labels.iter().map(|label| label.name().clone()).collect());
    let mut action = Action::new(33, &fact.id, format_args!("CREATE TYPE {} AS ENUM ({names})", relation(&fact.id))).making(fact);
    action.produces.extend(labels);
    out.push(action);
}

/// A label added to a type that stands.
pub(super) fn add_label(scene: &Scene, fact: &Fact, label: &EnumLabel, out: &mut Vec<Action>) {
    let of = FactId::new(Kind::Enum, fact.id.path[..2].iter().cloned());
    if scene.remade.contains(&of) {
        return;
    }
    let own = |name: &Name| FactId::new(Kind::EnumLabel, [fact.id.path[0].clone(), fact.id.path[1].clone(), name.clone()]);
    let order = labels(scene, &of);
    let place = order.iter().position(|name| name == fact.id.name());
    // After its neighbour (which may be new as well), or before the first that stood already.
    let next = place.and_then(|place| order[place + 1..].iter().find(|name| !scene.creates(&own(name))));
    let (place, needs) = match (&label.after, next) {
        (Some(after), _) => (format!(" AFTER {}", Literal(after.as_str())), Some(own(after))),
        (None, Some(next)) => (format!(" BEFORE {}", Literal(next.as_str())), Some(own(next))),
        (None, None) => (String::new(), None),
    };
    let sql = format!("ALTER TYPE {} ADD VALUE {}{place}", relation(&fact.id), Literal(fact.id.name().as_str()));
    out.push(Action::new(38, &fact.id, sql).making(fact).needing(needs));
}

/// An enumerated type that loses labels: the old one goes aside, columns move over, the old one goes.
pub(super) fn remake_enum(scene: &Scene, old: &FactId) -> Action {
    let id = scene.renames.now(old, None);
    let mut aside_name = format!("accord_old_{}", id.name().as_str());
    aside_name.truncate((0..=63).rev().find(|&n| n <= aside_name.len() && aside_name.is_char_boundary(n)).unwrap_or(0));
    let aside = Qualified::new(id.path[0].clone(), aside_name);
    let name = relation(&id);
    let mut action = Action { rank: 36, ..Action::default() };
    action = action.then(&id, format!("ALTER TYPE {name} RENAME TO {}", aside.name));
    let columns: Vec<(Fact, crate::model::Column)> = scene
        .around
        .dependents(old)
        .into_iter()
        .filter(|fact| !scene.gone(&fact.id, None))
        .filter_map(|fact| match &fact.body {
            Body::Column(column) if !column.not_local || scene.parents(&fact.id).is_empty() => {
                let (now, column) = (scene.renames.now(&fact.id, None), column.clone());
                Some((Fact { id: now, ..fact }, column))
            }
            _ => None,
        })
        .collect();
    let default = |fact: &Fact| match scene.is(&FactId { kind: Kind::Default, ..fact.id.clone() })?.body {
        Body::Default(Default { expression, generated: None }) => Some(expression),
        _ => None,
    };
    let had_default = |fact: &Fact| scene.was(&FactId { kind: Kind::Default, ..fact.id.clone() }).is_some();
    let labels = Labels(labels(scene, &id));
    action = action.then(&id, format!("CREATE TYPE {name} AS ENUM ({labels})"));
    for (fact, column) in &columns {
        let table = table_of(&fact.id);
        if had_default(fact) {
            let statement = AlterTable::all(&table, Alteration::DropDefault(fact.id.name()));
            action = action.then(&fact.id, &statement).locking(statement.lock(), [table.clone()]);
        }
        let array = flag(column.data_type.ends_with("[]"), "[]");
        let using = format!("{}::text{array}::{}", fact.id.name(), column.data_type);
        let alteration = Alteration::SetType { column: fact.id.name(), data_type: &column.data_type, collation: None, using: Some(&using) };
        let statement = AlterTable::all(&table, alteration);
        action = action.then(&fact.id, &statement).locking(statement.lock(), [table.clone()]).rewriting(true).scanning(true);
        if let Some(expression) = default(fact) {
            let statement = AlterTable::all(&table, Alteration::SetDefault(fact.id.name(), &expression));
            action = action.then(&fact.id, &statement).locking(statement.lock(), [table]);
        }
        action.was.push(fact.id.clone());
        action.becomes.push(fact.id.clone());
    }
    action = action.then(&id, format!("DROP TYPE {aside}"));
    let lost: Vec<FactId> = scene
        .items
        .iter()
        .filter(|item| item.after.is_none())
        .filter_map(|item| item.old.clone())
        .filter(|l| l.kind == Kind::EnumLabel && l.path[..2] == old.path[..])
        .collect();
    if !lost.is_empty() {
        action = action.losing(old, format!("the rows that hold a label that {old} loses do not convert"));
    }
    let properties = scene.around.children(old);
    for property in properties.iter().filter(|fact| matches!(fact.id.kind, Kind::Comment | Kind::Owner | Kind::Grant)) {
        if scene.item_of(&property.id).is_none() {
            let mut again = Vec::new();
            let item = Item { after: Some(Fact { id: scene.renames.now(&property.id, None), ..property.clone() }), ..Item::default() };
            super::property::change(scene, &item, &mut again);
            for other in again {
                action.steps.extend(other.steps);
            }
        }
    }
    // Whatever used the old one lets go first, whatever uses the new one comes later.
    action.destroys.push(old.clone());
    action.produces.push(id.clone());
    action.destroys.extend(lost);
    action.produces.extend(
        scene
            .items
            .iter()
            .filter(|item| item.before.is_none())
            .filter_map(|item| item.after.as_ref())
            .map(|fact| fact.id.clone())
            .filter(|l| l.kind == Kind::EnumLabel && l.path[..2] == id.path[..]),
    );
    action
}

struct AttributeDefinition<'a>(&'a Name, &'a Attribute);

impl fmt::Display for AttributeDefinition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1.data_type, Maybe(" COLLATE ", self.1.collation.as_ref()))
    }
}

pub(super) fn create_composite(scene: &Scene, parts: &Parts, fact: &Fact, out: &mut Vec<Action>) {
    let attributes: Vec<Fact> = parts.columns(&fact.id).iter().filter_map(|id| scene.is(id)).collect();
    let definitions: Vec<AttributeDefinition> = attributes
        .iter()
        .filter_map(|fact| match &fact.body {
            Body::Attribute(attribute) => Some(AttributeDefinition(fact.id.name(), attribute)),
            _ => None,
        })
        .collect();
    let mut action =
        Action::new(33, &fact.id, format_args!("CREATE TYPE {} AS ({})", relation(&fact.id), Joined(&definitions, ", "))).making(fact);
    for attribute in &attributes {
        action.makes(attribute);
    }
    out.push(action);
}

/// An attribute of a composite type that stands.
pub(super) fn attribute(scene: &Scene, item: &Item, out: &mut Vec<Action>) {
    let typed = |id: &FactId| {
        let of = FactId::new(Kind::Composite, id.path[..2].iter().cloned());
        flag(
            scene.around.dependents(&of).iter().any(|fact| matches!(&fact.body, Body::Table(table) if table.of_type.is_some())),
            " CASCADE",
        )
    };
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::Attribute(attribute) = &fact.body else { return };
            let sql = format!(
                "ALTER TYPE {} ADD ATTRIBUTE {}{}",
                relation(&fact.id),
                AttributeDefinition(fact.id.name(), attribute),
                typed(&fact.id)
            );
            let mut action = Action::new(38, &fact.id, sql).making(fact);
            if let Some(Fact { body: Body::Position(position), .. }) = scene.is(&FactId { kind: Kind::Position, ..fact.id.clone() })
                && let Some(after) = position.after
            {
                action.requires.push(FactId::new(Kind::Attribute, [fact.id.path[0].clone(), fact.id.path[1].clone(), after]));
            }
            out.push(action);
        }
        (Some(fact), None) => {
            let Some(old) = &item.old else { return };
            let sql = format!("ALTER TYPE {} DROP ATTRIBUTE {}{}", relation(&fact.id), fact.id.name(), typed(old));
            out.push(Action::new(16, old, sql).losing(old, format!("the values of {old}")).unmaking(old, fact));
        }
        (Some(was), Some(now)) => {
            let (Body::Attribute(before), Body::Attribute(after), Some(old)) = (&was.body, &now.body, &item.old) else { return };
            if before != after {
                let collation = Maybe(" COLLATE ", after.collation.as_ref());
                let sql = format!(
                    "ALTER TYPE {} ALTER ATTRIBUTE {} TYPE {}{collation}{}",
                    relation(&now.id),
                    now.id.name(),
                    after.data_type,
                    typed(old)
                );
                out.push(Action::new(38, &now.id, sql).altering(old, was, now));
            }
        }
        (None, None) => {}
    }
}

pub(super) fn create_domain(scene: &Scene, fact: &Fact, domain: &Domain, out: &mut Vec<Action>) {
    let Domain { base_type, collation, not_null, default } = domain;
    let sql = format!(
        "CREATE DOMAIN {} AS {base_type}{}{}{}",
        relation(&fact.id),
        Maybe(" COLLATE ", collation.as_ref()),
        Maybe(" DEFAULT ", default.as_ref()),
        flag(*not_null && !scene.named_not_null.contains(&fact.id), " NOT NULL")
    );
    out.push(Action::new(33, &fact.id, sql).making(fact));
}

pub(super) fn alter_domain(scene: &Scene, old: &FactId, was: &Fact, now: &Fact, before: &Domain, after: &Domain, out: &mut Vec<Action>) {
    let mut push = |what: String, scans: bool| {
        out.push(
            Action::new(39, &now.id, format_args!("ALTER DOMAIN {} {what}", relation(&now.id))).scanning(scans).altering(old, was, now),
        );
    };
    if before.default != after.default {
        push(after.default.as_ref().map_or("DROP DEFAULT".to_owned(), |default| format!("SET DEFAULT {default}")), false);
    }
    if before.not_null != after.not_null && !scene.named_not_null.contains(&now.id) {
        push(format!("{} NOT NULL", if after.not_null { "SET" } else { "DROP" }), after.not_null);
    }
}

pub(super) fn create_range(fact: &Fact, range: &Range, out: &mut Vec<Action>) {
    let mut options = vec![format!("SUBTYPE = {}", range.subtype)];
    options.extend(range.operator_class.as_ref().map(|name| format!("SUBTYPE_OPCLASS = {name}")));
    options.extend(range.collation.as_ref().map(|name| format!("COLLATION = {name}")));
    options.extend(range.canonical.as_ref().map(|name| format!("CANONICAL = {name}")));
    options.extend(range.subtype_diff.as_ref().map(|name| format!("SUBTYPE_DIFF = {name}")));
    options.push(format!("MULTIRANGE_TYPE_NAME = {}", range.multirange));
    let name = relation(&fact.id);
    let sql = format!("CREATE TYPE {name} AS RANGE ({})", Joined(&options, ", "));
    if range.canonical.is_some() {
        // The function takes the type, the type names the function.
        base_type::create_shell(fact, out);
        base_type::complete(fact, &sql, out);
    } else {
        out.push(Action::new(33, &fact.id, sql).making(fact));
    }
}

/// DROP TYPE, DROP DOMAIN.
pub(super) fn drop(old: &FactId, fact: &Fact, out: &mut Vec<Action>) {
    if fact.id.kind == Kind::Range {
        return base_type::drop(old, fact, out);
    }
    let word = if fact.id.kind == Kind::Domain { "DOMAIN" } else { "TYPE" };
    out.push(Action::new(22, old, format_args!("DROP {word} {}", relation(&fact.id))).locking(Lock::None, []).unmaking(old, fact));
}

/// The defaults that go off and on with the columns of a type that is made again.
pub(super) fn defaults_of_remade(scene: &Scene) -> HashSet<FactId> {
    let mut defaults = HashSet::new();
    for id in &scene.remade {
        for user in scene.around.dependents(id).into_iter().filter(|fact| fact.id.kind == Kind::Column && !scene.gone(&fact.id, None)) {
            defaults.insert(FactId { kind: Kind::Default, ..user.id.clone() });
            defaults.insert(FactId { kind: Kind::Default, ..scene.renames.now(&user.id, None) });
        }
    }
    defaults
}
