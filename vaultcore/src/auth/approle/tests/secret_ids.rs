//! Secret ids, clause by clause.

use super::*;

#[test]
fn a_secret_id_runs_out_to_the_microsecond_and_is_tidied() {
    let storage = Arc::new(Memory::new());
    let world = world_on(storage.clone());
    let left = || {
        let paths = storage.scan(&Scan::new("")).expect("scanned");
        let areas = ["approle-secret-id/", "approle-accessor/", "secret-id-due/"];
        let kept = paths.iter();
        kept.filter(|path| areas.iter().any(|area| path.contains(area)))
            .count()
    };
    let many: Vec<_> = (0..50)
        .map(|_| issue(&world, "web", &NewSecretId::new().ttl(MINUTE)).secret_id)
        .collect();
    let stays = issue(&world, "web", &NewSecretId::new()).secret_id;
    assert_eq!(left(), 50 * 3 + 2);
    world.pass(MINUTE - Duration::from_micros(1));
    login(&world.vault, "web", &many[0]).expect("in force");
    world.pass(Duration::from_micros(1));
    says_refused(login(&world.vault, "web", &many[0]));
    let known = roles(&world).lookup_secret_id("web", &many[0]);
    assert_eq!(known.expect("looked up"), None);
    world.pass(Duration::from_secs(1));
    let tidy = world
        .send(Verb::Write, "tidy/secret-id", "")
        .expect("tidied");
    assert!(!tidy.warnings.is_empty());
    assert_eq!(left(), 26 * 3 + 2);
    world.vault.tick().expect("ticked");
    assert_eq!(left(), 2);
    login(&world.vault, "web", &stays).expect("lives for ever");
}

#[test]
fn a_secret_id_gets_no_more_than_its_role_allows() {
    let world = world();
    let roles = roles(&world);
    let token = TokenOptions::new().bound_cidrs(["10.0.0.0/8"]);
    let options = RoleOptions::new()
        .secret_id_ttl(10 * MINUTE)
        .secret_id_num_uses(2)
        .secret_id_bound_cidrs(["10.0.0.0/8", "fd00::/8"])
        .token(token);
    roles.write("web", &options).expect("written");
    let new = NewSecretId::new;
    let issued = issue(&world, "web", &new());
    assert_eq!((issued.ttl, issued.num_uses), (10 * MINUTE, 2));
    for refused in [
        new().ttl(11 * MINUTE),
        new().ttl(Duration::ZERO),
        new().num_uses(3),
        new().num_uses(0),
        new().cidrs(["11.0.0.0/8"]),
        new().cidrs(["10.1.0.0/16", "0.0.0.0/0"]),
        new().cidrs(["here"]),
        new().token_bound_cidrs(["fd00::/8"]),
        new().chosen(&secret("")),
        new().chosen(&secret(&"x".repeat(4_097))),
        new().metadata("x".repeat(513), ""),
        (0..65).fold(new(), |new, number| new.metadata(number.to_string(), "")),
    ] {
        let error = roles.create_secret_id("web", &refused).err();
        let kind = error.map(|error| error.kind());
        assert_eq!(kind, Some(ErrorKind::InvalidArgument), "{refused:?}");
    }
    let less = new()
        .ttl(MINUTE)
        .num_uses(1)
        .cidrs(["10.1.0.0/16", "fd00::1"])
        .token_bound_cidrs(["10.2.3.4"]);
    issue(&world, "web", &less);
    let listed = roles.secret_ids("web").expect("listed");
    assert_eq!(listed.len(), 2);
    let missing = roles.create_secret_id("none", &new()).err();
    assert_eq!(missing.map(|error| error.kind()), Some(ErrorKind::NotFound));
}

#[test]
fn the_mount_bounds_how_long_a_secret_id_lives() {
    let world = world();
    let long = Duration::from_secs(9_999 * 3_600);
    let options = RoleOptions::new().secret_id_ttl(long);
    roles(&world).write("web", &options).expect("written");
    let of_system = issue(&world, "web", &NewSecretId::new()).ttl;
    assert_eq!(of_system, Duration::from_secs(768 * 3_600));
    let never = issue(&world, "db", &NewSecretId::new());
    assert_eq!(never.ttl, Duration::ZERO);
    world.pass(100 * long);
    login(&world.vault, "db", &never.secret_id).expect("lives for ever");
}

#[test]
fn what_a_role_allows_later_bounds_its_older_secret_ids() {
    let world = world();
    let new = NewSecretId::new().token_bound_cidrs(["10.0.0.0/8"]);
    let issued = issue(&world, "web", &new);
    let body = json!({"role_id": "web", "secret_id": issued.secret_id.expose()}).to_string();
    let send = |remote| world.send_from(Some(remote), Verb::Write, "login", &body);
    let auth = send("10.1.1.1").expect("granted").auth.expect("auth");
    let info = world.owner().token().lookup(&auth.client_token);
    assert_eq!(info.expect("in force").bound_cidrs, ["10.0.0.0/8"]);
    let set = |options: &RoleOptions| roles(&world).write("web", options).expect("written");
    set(&RoleOptions::new().secret_id_bound_cidrs(["10.1.0.0/16"]));
    send("10.1.1.1").expect("granted");
    says_refused(send("10.2.1.1"));
    set(&RoleOptions::new().token(TokenOptions::new().bound_cidrs(["10.1.0.0/16"])));
    says_refused(send("10.1.1.1"));
}

#[test]
fn accessors_name_secret_ids_of_their_role_only() {
    let world = world();
    let roles = roles(&world);
    let issued = issue(&world, "web", &NewSecretId::new().num_uses(2));
    login(&world.vault, "web", &issued.secret_id).expect("granted");
    world.pass(MINUTE);
    let by_accessor = roles.lookup_accessor("web", &issued.accessor);
    let by_text = roles.lookup_secret_id("web", &issued.secret_id);
    let info = by_accessor.expect("looked up").expect("there");
    assert_eq!(Some(&info), by_text.expect("looked up").as_ref());
    assert_eq!((info.num_uses, &info.accessor), (1, &issued.accessor));
    let of_other = roles.lookup_accessor("db", &issued.accessor);
    assert_eq!(of_other.expect("looked up"), None);
    let long = "0".repeat(5_000);
    for bad in ["", "x", "a/b", "..", "canary \u{e9}", &long] {
        let found = roles.lookup_accessor("web", bad).expect("looked up");
        assert_eq!(found, None, "{bad:?}");
        let error = roles.destroy_accessor("web", bad).err();
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::NotFound));
    }
    roles
        .destroy_accessor("db", &issued.accessor)
        .expect_err("not its own");
    roles
        .destroy_accessor("web", &issued.accessor)
        .expect("destroyed");
    says_refused(login(&world.vault, "web", &issued.secret_id));
    roles
        .destroy_secret_id("web", &issued.secret_id)
        .expect("no error");
}

#[test]
fn a_chosen_secret_id_is_taken_once() {
    let world = world();
    let body = r#"{"secret_id":"chosen-canary","metadata":"{\"k\":\"v\"}","num_uses":1}"#;
    let path = "role/web/custom-secret-id";
    let data = world.data(Verb::Write, path, body);
    assert_eq!(data["secret_id"], "chosen-canary");
    let again = world.send(Verb::Write, path, body);
    assert!(message(again).contains("already registered"));
    world.data(Verb::Write, "role/db/custom-secret-id", body);
    login(&world.vault, "web", &secret("chosen-canary")).expect("granted");
    says_refused(login(&world.vault, "web", &secret("chosen-canary")));
    login(&world.vault, "db", &secret("chosen-canary")).expect("another role's");
    world.data(Verb::Write, path, body);
}
