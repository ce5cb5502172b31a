//! Roles, clause by clause.

use super::*;

#[test]
fn a_role_id_is_one_roles() {
    let world = world();
    let roles = roles(&world);
    let set = |name, id: &str| roles.write(name, &RoleOptions::new().role_id(id));
    assert!(message(set("db", "web")).contains("already in use"));
    assert!(message(set("new", "web")).contains("already in use"));
    assert!(roles.read("new").is_err(), "nothing was written");
    set("web", "web-2").expect("changed");
    assert_eq!(roles.role_id("web").expect("read"), "web-2");
    let issued = issue(&world, "web", &NewSecretId::new());
    says_refused(login(&world.vault, "web", &issued.secret_id));
    login(&world.vault, "web-2", &issued.secret_id).expect("granted");
    set("db", "web").expect("it is free");
    set("db", "web").expect("its own");
    says_refused(login(&world.vault, "web", &issued.secret_id));
    roles.delete("db").expect("deleted");
    set("new", "web").expect("it is free again");
    let drawn = (roles.write("a", &RoleOptions::new()), roles.role_id("a"));
    assert_eq!(drawn.1.expect("an id").len(), 36);
}

#[test]
fn what_belonged_to_a_deleted_role_belongs_to_none_after_it() {
    let storage = Arc::new(Memory::new());
    let world = world_on(storage.clone());
    let many: Vec<_> = (0..120)
        .map(|_| issue(&world, "web", &NewSecretId::new()))
        .collect();
    roles(&world).delete("web").expect("deleted");
    roles(&world).delete("web").expect("again");
    let paths = storage.scan(&Scan::new("")).expect("scanned");
    assert!(!paths.iter().any(|path| path.contains("approle-secret-id/")));
    assert!(!paths.iter().any(|path| path.contains("approle-accessor/")));
    let again = roles(&world).write("web", &RoleOptions::new().role_id("web"));
    again.expect("written");
    says_refused(login(&world.vault, "web", &many[0].secret_id));
    let looked = roles(&world).lookup_accessor("web", &many[0].accessor);
    assert_eq!(looked.expect("looked up"), None);
}

#[test]
fn a_role_without_secret_ids_is_bound_to_networks() {
    let world = world();
    let roles = roles(&world);
    let open = RoleOptions::new().bind_secret_id(false);
    assert!(message(roles.write("web", &open)).contains("constraint"));
    for bound in [
        open.clone().secret_id_bound_cidrs(["10.0.0.0/8"]),
        open.token(TokenOptions::new().bound_cidrs(["10.0.0.0/8"])),
    ] {
        let name = "open";
        roles.delete(name).expect("deleted");
        roles.write(name, &bound.role_id(name)).expect("written");
        let none = roles.create_secret_id(name, &NewSecretId::new());
        assert!(message(none).contains("bind_secret_id"));
        for body in [
            r#"{"role_id":"open"}"#,
            r#"{"role_id":"open","secret_id":"x"}"#,
        ] {
            let send = |remote| world.send_from(remote, Verb::Write, "login", body);
            send(Some("10.0.0.1")).expect("granted");
            says_refused(send(Some("11.0.0.1")));
            says_refused(send(None));
        }
    }
    let end = world.send(Verb::Delete, "role/open/token-bound-cidrs", "");
    assert!(message(end).contains("constraint"));
}

#[test]
fn a_secret_id_is_nothing_to_a_role_that_takes_none() {
    let world = world();
    let new = NewSecretId::new().num_uses(1).metadata("host", "web-1");
    let issued = issue(&world, "web", &new.cidrs(["10.1.0.0/16"]));
    let set = |options: &RoleOptions| roles(&world).write("web", options).expect("written");
    let open = RoleOptions::new().bind_secret_id(false);
    set(&open.secret_id_bound_cidrs(["10.0.0.0/8"]));
    let body = json!({"role_id": "web", "secret_id": issued.secret_id.expose()}).to_string();
    let send = || world.send_from(Some("10.2.0.1"), Verb::Write, "login", &body);
    let auth = send().expect("granted").auth.expect("auth");
    assert!(!auth.metadata.contains_key("host"));
    set(&RoleOptions::new().bind_secret_id(true));
    says_refused(send());
    let known = roles(&world).lookup_secret_id("web", &issued.secret_id);
    let known = known.expect("looked up").expect("no use was taken");
    assert_eq!(known.num_uses, 1);
}

#[test]
fn every_spelling_is_the_same_role_or_none() {
    let world = world();
    let roles = roles(&world);
    for same in ["WEB", "Web", "web"] {
        assert_eq!(roles.role_id(same).expect(same), "web");
    }
    for other in [
        "web ",
        " web",
        "web/",
        "w\u{200b}eb",
        "%77eb",
        "",
        "web\0",
        "..",
        "w/eb",
    ] {
        let error = roles.write(other, &RoleOptions::new()).expect_err(other);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{other:?}");
    }
    assert_eq!(roles.list().expect("listed"), ["db", "web"]);
}

#[test]
fn a_token_is_renewed_only_with_the_policies_of_now() {
    let world = world();
    let (owner, roles) = (world.owner(), roles(&world));
    let issued = issue(&world, "web", &NewSecretId::new());
    let token = login(&world.vault, "web", &issued.secret_id).expect("granted");
    let tokens = owner.token();
    tokens.renew(&token, None).expect("renewed");
    let set = |name: &str| {
        let token = TokenOptions::new().policies([name]);
        let written = roles.write("web", &RoleOptions::new().token(token));
        written.expect("written");
    };
    set("more");
    tokens.renew(&token, None).expect_err("refused");
    set("web");
    tokens.renew(&token, None).expect("the same again");
    roles.delete("web").expect("deleted");
    tokens.renew(&token, None).expect_err("no role");
}
