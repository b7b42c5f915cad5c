//! Copies of grants from one member to others, under their roles.

use crate::control::{Fleet, SHOP};
use crate::support::link::{describe, failure, scalar};
use postgres::Client;

/// A source with an application's grants, two targets, and the roles of both.
fn fleet() -> (Fleet, [String; 3]) {
    let mut fleet = Fleet::shared();
    let role = |fleet: &Fleet, name: &str| format!("{name}_{}", fleet.db);
    let roles = [role(&fleet, "app"), role(&fleet, "app_there"), role(&fleet, "bystander")];
    for each in &roles {
        fleet.execute(&format!("CREATE ROLE {each}"), &[]);
    }
    for name in ["source", "one", "two"] {
        fleet.add(name, &format!("{{\"customer\": \"{}\"}}", if name == "two" { "other" } else { "acme" }), SHOP);
    }
    let [app, there, bystander] = &roles;
    fleet.there(
        "source",
        &format!(
            "GRANT USAGE ON SCHEMA shop TO {app}; GRANT SELECT, INSERT ON shop.orders TO {app}; GRANT UPDATE (name) ON shop.customers TO {app};
             GRANT SELECT ON shop.open TO {bystander}; ALTER DEFAULT PRIVILEGES FOR ROLE {app} IN SCHEMA shop GRANT SELECT ON TABLES TO {app}, PUBLIC;
             GRANT SELECT ON shop.customers TO {app} WITH GRANT OPTION"
        ),
    );
    for name in ["one", "two"] {
        fleet.there(name, &format!("GRANT DELETE ON shop.orders TO {there}; GRANT SELECT ON shop.orders TO {bystander}"));
    }
    fleet.compare();
    (fleet, roles)
}

/// Runs a copy to its end: the state, or why it stopped.
fn copied(client: &mut Client, from: &str, selection: &str, roles: &str, more: &str) -> Result<(i64, String), String> {
    let id: i64 = client
        .query_one(&format!("SELECT accord.copy_grants('{from}', '{selection}', '{roles}'{more})"), &[])
        .map_err(|error| describe(&error))?
        .get(0);
    let state = client.query_one(&format!("SELECT accord.wait_for_conform({id}, '2 min')"), &[]).map_err(|error| describe(&error))?;
    Ok((id, state.get(0)))
}

/// What a role may do with the shop's tables and columns.
fn held(fleet: &Fleet, name: &str, role: &str) -> String {
    let sql = format!(
        "SELECT coalesce(string_agg(x, ' ' ORDER BY x), '') FROM (
            SELECT table_name || ':' || privilege_type || CASE is_grantable WHEN 'YES' THEN '*' ELSE '' END AS x FROM information_schema.table_privileges
             WHERE grantee = '{role}'
            UNION ALL SELECT DISTINCT c.relname || '.' || attname || ':' || a.privilege_type FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid, aclexplode(attacl) a WHERE a.grantee = '{role}'::regrole
            UNION ALL SELECT 'schema:' || a.privilege_type FROM pg_namespace, aclexplode(nspacl) a WHERE a.grantee = '{role}'::regrole
            UNION ALL SELECT 'default:' || a.privilege_type FROM pg_default_acl d, aclexplode(defaclacl) a WHERE d.defaclrole = '{role}'::regrole AND a.grantee IN (0, '{role}'::regrole)) s"
    );
    scalar(&mut fleet.member(name), &sql)
}

const AS_THERE: &str = "customers.name:UPDATE customers:SELECT* default:SELECT orders:INSERT orders:SELECT schema:USAGE";

#[test]
fn grants_are_copied_under_other_roles() {
    let (mut fleet, [app, there, bystander]) = fleet();
    let roles = format!("{{\"{app}\": \"{there}\"}}");
    let before = held(&fleet, "one", &there);
    // First what would be done.
    let (id, state) = copied(&mut fleet.client, "source", "", &roles, "").unwrap();
    assert_eq!(state, "planned");
    let planned = fleet.rows(&format!(
        "SELECT database, array_to_string(steps, '; '), grants_of, baseline FROM accord.conforms WHERE conform = {id} ORDER BY 1"
    ));
    assert_eq!(planned.len(), 2);
    for part in ["one | ", "GRANT INSERT", &format!("REVOKE DELETE ON TABLE shop.orders FROM {there}"), " | source | "] {
        assert!(planned[0].contains(part), "{part} in {}", planned[0]);
    }
    assert_eq!(held(&fleet, "one", &there), before);
    // Then it is done, one database first.
    let (id, state) = copied(&mut fleet.client, "source", "", &roles, ", false").unwrap();
    assert_eq!(state, "done");
    for name in ["one", "two"] {
        assert_eq!(held(&fleet, name, &there), AS_THERE, "{name}");
        assert_eq!(held(&fleet, name, &bystander), "orders:SELECT", "whom nobody named keeps what it has");
    }
    assert_eq!(
        fleet.rows(&format!("SELECT wave::text, state FROM accord.conforms WHERE conform = {id} ORDER BY 1")),
        ["1 | done", "2 | done"]
    );
    // A second time there is nothing to do.
    let (id, _) = copied(&mut fleet.client, "source", "", &roles, ", false").unwrap();
    assert_eq!(fleet.rows(&format!("SELECT DISTINCT array_to_string(steps, ';') FROM accord.conforms WHERE conform = {id}")), [""]);
    assert_eq!(fleet.rows("SELECT DISTINCT act FROM accord.fleet_acts WHERE act = 'copy_grants'"), ["copy_grants"]);
}

#[test]
fn additive_owners_and_what_is_missing() {
    let (mut fleet, [app, there, _]) = fleet();
    let roles = format!("{{\"{app}\": \"{there}\"}}");
    copied(&mut fleet.client, "source", "database = one", &roles, ", false, '{\"additive\": true}'").unwrap();
    assert!(held(&fleet, "one", &there).contains("orders:DELETE orders:INSERT orders:SELECT"));
    // What the target has no object for stops it, and nothing is left half way.
    fleet.there("source", &format!("CREATE TABLE shop.bills (id int); GRANT SELECT ON shop.bills TO {app}"));
    let before = held(&fleet, "two", &there);
    let error = copied(&mut fleet.client, "source", "database = two", &roles, ", false").unwrap_err();
    assert!(error.contains("table shop.bills is not there"), "{error}");
    assert_eq!(held(&fleet, "two", &there), before);
    copied(&mut fleet.client, "source", "database = two", &roles, ", false, '{\"skip\": true}'").unwrap();
    assert!(held(&fleet, "two", &there).contains("orders:INSERT"));
    // Owners, where they are asked for.
    fleet.there("source", &format!("ALTER TABLE shop.orders OWNER TO {app}"));
    let owner = format!("SELECT count(*) FROM pg_class WHERE relname = 'orders' AND relowner = '{there}'::regrole");
    copied(&mut fleet.client, "source", "database = two", &roles, ", false, '{\"skip\": true}'").unwrap();
    assert_eq!(scalar::<i64>(&mut fleet.member("two"), &owner), 0);
    copied(&mut fleet.client, "source", "database = two", &roles, ", false, '{\"skip\": true, \"owners\": true}'").unwrap();
    assert_eq!(scalar::<i64>(&mut fleet.member("two"), &owner), 1);
    // A role that is not there is the server's error, in the journal.
    let error =
        copied(&mut fleet.client, "source", "database = two", &format!("{{\"{app}\": \"nobody_at_all\"}}"), ", false, '{\"skip\": true}'")
            .unwrap_err();
    assert!(error.contains("stopped"), "{error}");
    for (arguments, says) in [
        ("'nobody', '', '{\"a\": \"b\"}'", "not in the fleet"),
        ("'source', '', '{}'", "no role is named"),
        ("'source', '', '[1]'", "roles lead"),
        ("'source', '', '{\"a\": \"PUBLIC\"}'", "everybody"),
        ("'source', '', '{\"a\": \"x\", \"b\": \"x\"}'", "two roles"),
        ("'source', '', '{\"a\": \"b\"}', false, '{\"fast\": true}'", "fast"),
        ("'source', 'database = source', '{\"a\": \"b\"}'", "selects no database"),
    ] {
        let failure = failure(&mut fleet.client, &format!("SELECT accord.copy_grants({arguments})"));
        assert!(failure.says(says), "{arguments}: {failure:?}");
        failure.assert_clear();
    }
}

/// A client copies within its databases, its roles and its part of them.
#[test]
fn a_client_copies_its_own() {
    let (mut fleet, [app, there, bystander]) = fleet();
    let client = format!("client_{}", fleet.db);
    fleet.execute(&format!("CREATE ROLE {client} LOGIN"), &[]);
    let grant = |scope: &str| format!("SELECT accord.grant_fleet('{client}', 'customer = acme', '{{inspect,copy_grants}}', '{scope}')");
    assert!(failure(&mut fleet.client, &grant("{}")).says("names roles"));
    fleet.execute(&grant("{\"roles\": [\"app_*\"], \"tables\": [\"shop.orders\"]}"), &[]);
    let mut mine = fleet.ground.cluster.try_client_as(&fleet.db, &client).expect("connect as a client");
    let roles = format!("{{\"{app}\": \"{there}\"}}");
    for (from, to, roles, more, says) in [
        ("two", "", roles.clone(), "", "not in the fleet"),
        ("source", "database = two", roles.clone(), "", "selects no database"),
        ("source", "", format!("{{\"{bystander}\": \"{there}\"}}"), "", "not in the fleet"),
        ("source", "", format!("{{\"{app}\": \"{bystander}\"}}"), "", "not in the fleet"),
        ("source", "", roles.clone(), ", false, '{\"owners\": true}'", "administrators alone"),
    ] {
        let sql = format!("SELECT accord.copy_grants('{from}', '{to}', '{roles}'{more})");
        let failure = failure(&mut mine, &sql);
        assert!(failure.says(says), "{sql}: {failure:?}");
    }
    let (_, state) = copied(&mut mine, "source", "", &roles, ", false").unwrap();
    assert_eq!(state, "done");
    // Of the source's grants only those in its part.
    assert_eq!(held(&fleet, "one", &there), "orders:INSERT orders:SELECT");
    assert_eq!(held(&fleet, "two", &there), "orders:DELETE");
    let acts = fleet.rows(&format!("SELECT act FROM accord.fleet_acts WHERE who = '{client}'"));
    assert_eq!(acts, ["copy_grants"]);
}
