//! What users are called, by templates of connections.

use super::{World, connection};
use crate::api::Method;
use crate::error::{ErrorKind, Result};

/// Configures a template, and makes a user by it.
fn named(world: &World, template: &str) -> Result<String> {
    let database = world.database();
    database.configure("app", &connection().username_template(template))?;
    let credentials = database.credentials("app-reader")?;
    assert!(
        world
            .fake
            .lets_in(credentials.username(), credentials.password())
    );
    Ok(credentials.username().to_owned())
}

#[test]
fn a_template_names_users() {
    let world = World::new();
    let template = r#"x_{{ .RoleName | replace "-" "_" | uppercase }}_{{ random 12 }}"#;
    let (first, second) = (
        named(&world, template).expect("a name"),
        named(&world, template).expect("a name"),
    );
    assert!(
        first.starts_with("x_APP_READER_") && first.len() == 25,
        "{first}"
    );
    assert_ne!(first, second);
    let info = world.database().connection("app").expect("info");
    assert_eq!(info.username_template, template);
    let again = named(&world, "").expect("the driver's own again");
    assert!(again.starts_with("v-owner-app-read-"), "{again}");
}

#[test]
fn a_name_is_short_random_and_safe() {
    let world = World::new();
    named(&world, &format!("{}{{{{random 8}}}}", "x".repeat(55))).expect("63 bytes");
    for (why, template) in [
        ("too long", format!("{}{{{{random 8}}}}", "x".repeat(56))),
        ("hardly random", "{{.RoleName}}{{random 7}}".to_owned()),
        ("not random", "{{.RoleName}}{{unix_time_millis}}".to_owned()),
        (
            "random is cut",
            "{{.RoleName}}{{random 20 | truncate 7}}".to_owned(),
        ),
        ("unknown", "{{.Secret}}{{uuid}}".to_owned()),
    ] {
        let error = named(&world, &template).expect_err(why);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{why}");
    }
    for sign in ["'", "\"", "`", "\\", ";", " ", "%", "\n", "{", "$", "*"] {
        named(&world, &format!("a{sign}{{{{uuid}}}}")).expect_err(sign);
    }
    for sign in ["-", "_", ".", "@", "+", "=", "/", ":"] {
        named(&world, &format!("a{sign}{{{{uuid}}}}")).expect(sign);
    }
}

#[test]
fn a_template_that_fails_for_a_role_makes_nobody() {
    let world = World::new();
    // Short enough for a name that is empty; of a real one no random character is left.
    let template = "{{.RoleName}}{{.RoleName}}{{random 60}}";
    let cut = format!("{{{{ printf \"%s\" (printf \"{template}\") }}}}");
    named(&world, &cut).expect_err("no template in a format");
    let error = named(&world, template).expect_err("too long with the name");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let template = r#"{{ printf "%s-%s" .RoleName (random 12) | truncate 15 }}"#;
    let error = named(&world, template).expect_err("cut with the name");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(world.fake.users(), 0);
    assert_eq!(world.owner().leases().count().expect("counted"), 0);
}

#[test]
fn the_door_shows_the_template() {
    let world = World::new();
    let body = r#"{"plugin_name":"fake-database-plugin","connection_url":"fake://","username":"u",
        "password":"p","allowed_roles":"*","username_template":"n-{{.DisplayName}}-{{uuid}}"}"#;
    let (status, reply) = world.ask(Method::Post, "database/config/app", body);
    assert_eq!(status, 204, "{reply}");
    let (_, reply) = world.ask(Method::Get, "database/config/app", "");
    let shown = &reply["data"]["connection_details"]["username_template"];
    assert_eq!(shown, "n-{{.DisplayName}}-{{uuid}}");
    let (_, reply) = world.ask(Method::Get, "database/creds/app-reader", "");
    let name = reply["data"]["username"].as_str().expect("a name");
    assert!(name.starts_with("n-root-") && name.len() == 43, "{name}");
    let wrong = body.replace("uuid", "nothing canary");
    let (status, reply) = world.ask(Method::Post, "database/config/app", &wrong);
    assert_eq!(status, 400);
    assert!(!reply.to_string().contains("canary"), "{reply}");
}
