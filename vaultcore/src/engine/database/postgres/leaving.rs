//! How a role is taken away, with its sessions and what it was granted.

use std::thread;

use postgres::{Client, Transaction};

use super::{ATTEMPTS, Outcome, PAUSE};

/// The schemas in which a role was granted anything.
const SCHEMAS: &str = "
    SELECT DISTINCT n.nspname FROM pg_namespace n, pg_roles r
    WHERE r.rolname = $1 AND n.nspname NOT LIKE 'pg\\_toast%' AND (
        EXISTS (SELECT FROM aclexplode(n.nspacl) a WHERE a.grantee = r.oid)
        OR EXISTS (SELECT FROM pg_class c, aclexplode(c.relacl) a
            WHERE c.relnamespace = n.oid AND a.grantee = r.oid)
        OR EXISTS (SELECT FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid,
            aclexplode(t.attacl) a WHERE c.relnamespace = n.oid AND a.grantee = r.oid)
        OR EXISTS (SELECT FROM pg_proc p, aclexplode(p.proacl) a
            WHERE p.pronamespace = n.oid AND a.grantee = r.oid))";

/// Whether a role owns anything in this database, or that all databases share.
const OWNS: &str = "
    SELECT FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = $1
    AND deptype = 'o'
    AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) LIMIT 1";
/// Whether a role is logged in.
const AT_WORK: &str = "SELECT FROM pg_catalog.pg_stat_activity \
                       WHERE usesysid OPERATOR(pg_catalog.=) $1 LIMIT 1";
/// Ends the sessions of a role.
pub(super) const END: &str = "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity \
                   WHERE usesysid OPERATOR(pg_catalog.=) $1";

/// Ends the sessions of a role, and keeps it from beginning others.
pub(super) fn end_sessions(client: &mut Client, role: &str, oid: u32) -> Outcome<()> {
    client.batch_execute(&format!("ALTER ROLE {role} NOLOGIN"))?;
    if client.execute(END, &[&oid]).is_err() {
        // Those of a role that we are a member of we may end.
        client.batch_execute(&format!("GRANT {role} TO CURRENT_USER"))?;
        client.execute(END, &[&oid])?;
    }
    for _ in 0..ATTEMPTS {
        if client.query_opt(AT_WORK, &[&oid])?.is_none() {
            break;
        }
        thread::sleep(PAUSE); // they are told, and end soon
    }
    Ok(())
}

/// Takes a role away with all that it was granted in this database. What it owns is left: the database
/// refuses to drop the role then. To make it somebody else's is for the role's own statements to say:
/// a function that runs with its owner's rights would run with those of the new one.
pub(super) fn drop_role(transaction: &mut Transaction<'_>, name: &str, oid: u32) -> Outcome<()> {
    let role = quoted(name);
    let owns = transaction.query_opt(OWNS, &[&oid])?.is_some();
    let at_work = transaction.query_opt(AT_WORK, &[&oid])?.is_some();
    // `DROP OWNED` takes back what was granted, of every kind; it drops what is owned, too, so that it
    // is for those who own nothing and cannot begin to.
    let done = !owns && !at_work && drop_grants(transaction, &role)?;
    if !done {
        revoke_all(transaction, name)?;
    }
    transaction.batch_execute(&format!("DROP ROLE IF EXISTS {role}"))
}

/// Takes back all that was granted to a role; returns whether we may.
fn drop_grants(transaction: &mut Transaction<'_>, role: &str) -> Outcome<bool> {
    let mighty = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user";
    let mighty: bool = transaction.query_one(mighty, &[])?.try_get(0)?;
    let member = match mighty {
        true => String::new(),
        false => format!("GRANT {role} TO CURRENT_USER; "),
    };
    let mut inner = transaction.transaction()?;
    match inner.batch_execute(&format!("{member}DROP OWNED BY {role}")) {
        Ok(()) => inner.commit().map(|()| true),
        Err(error) if may_not(&error) => inner.rollback().map(|()| false),
        Err(error) => Err(error),
    }
}

/// Returns whether a statement was refused to whom we are logged in as.
fn may_not(error: &postgres::Error) -> bool {
    let code = error.as_db_error().map(|database| database.code().code());
    code.is_some_and(|code| code.starts_with("42") || code.starts_with("0L"))
}

/// Takes back what was granted to a role on schemas, what is in them, and this database.
fn revoke_all(transaction: &mut Transaction<'_>, name: &str) -> Outcome<()> {
    let role = quoted(name);
    let schemas = transaction.query(SCHEMAS, &[&name])?;
    for row in schemas {
        let schema: String = row.try_get(0)?;
        let schema = quoted(&schema);
        for what in [
            format!("ALL TABLES IN SCHEMA {schema}"),
            format!("ALL SEQUENCES IN SCHEMA {schema}"),
            format!("ALL ROUTINES IN SCHEMA {schema}"),
            format!("SCHEMA {schema}"),
        ] {
            let revoke = format!("REVOKE ALL PRIVILEGES ON {what} FROM {role}");
            transaction.batch_execute(&revoke)?;
        }
    }
    let database = transaction.query_one("SELECT current_database()", &[]);
    let database: String = database.and_then(|row| row.try_get(0))?;
    let database = quoted(&database);
    let last = format!("REVOKE ALL PRIVILEGES ON DATABASE {database} FROM {role}");
    transaction.batch_execute(&last)
}

/// Returns a name as SQL has it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
