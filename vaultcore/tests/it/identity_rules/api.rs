//! Identity by Vault's paths and JSON.

use serde_json::{Value, json};
use vaultcore::api::Method;

use crate::door::{Door, text};

#[test]
fn entities_answer_in_vaults_shapes() {
    let door = Door::new();
    let root = door.root.as_str();
    assert_eq!(
        door.read(root, "identity/entity/id?list=true"),
        (404, json!({"errors": []}))
    );
    let made = door.set(
        "identity/entity",
        json!({"name": "ann", "policies": "p,q", "metadata": {"team": "x"}}),
    );
    let id = text(&made, "/data/id");
    assert_eq!(made.pointer("/data/aliases"), Some(&Value::Null));
    assert_eq!(
        door.set("identity/entity", json!({"name": "ANN", "policies": ["q"]})),
        Value::Null
    );
    let (status, got) = door.read(root, &format!("identity/entity/id/{id}"));
    assert_eq!(status, 200);
    let data = got.get("data").expect("data");
    for (field, value) in [
        ("name", json!("ann")),
        ("policies", json!(["q"])),
        ("metadata", json!({"team": "x"})),
        ("aliases", json!([])),
        ("direct_group_ids", json!([])),
        ("disabled", json!(false)),
        ("merged_entity_ids", Value::Null),
        ("namespace_id", json!("root")),
    ] {
        assert_eq!(data.get(field), Some(&value), "{field}");
    }
    assert_eq!(
        door.read(root, "identity/entity/name/Ann").1["data"]["id"],
        json!(id)
    );
    let (_, list) = door.read(root, "identity/entity/id?list=true");
    assert_eq!(list["data"]["keys"], json!([id]));
    assert_eq!(list["data"]["key_info"][&id], json!({"name": "ann"}));
    let (_, names) = door.read(root, "identity/entity/name?list=true");
    assert_eq!(names["data"], json!({"keys": ["ann"]}));
    door.set(
        "identity/entity",
        json!({"name": "meta", "metadata": "a=b"}),
    );
    let (status, _) = door.write(root, "identity/lookup/entity", json!({"name": "nobody"}));
    assert_eq!(status, 204);
    for bad in [json!({}), json!({"alias_name": "x"})] {
        assert_eq!(door.write(root, "identity/lookup/entity", bad).0, 400);
    }
    let root_policy = json!({"name": "rooty", "policies": ["root"]});
    let (status, refused) = door.write(root, "identity/entity", root_policy);
    assert_eq!(
        (status, refused),
        (400, json!({"errors": ["policies cannot contain root"]}))
    );
    let path = format!("identity/entity/id/{id}");
    for _ in 0..2 {
        assert_eq!(door.call(root, Method::Delete, &path, &Value::Null).0, 204);
    }
    assert_eq!(door.read(root, &path), (404, json!({"errors": []})));
    assert_eq!(
        door.write(root, "identity/entity/batch-delete", json!({}))
            .0,
        400
    );
    assert_eq!(door.read(root, "identity/nothing").0, 404);
}

#[test]
fn a_rule_on_a_name_is_not_escaped_by_another_spelling() {
    let door = Door::new();
    door.set("identity/entity", json!({"name": "Ann"}));
    door.policy(
        "some",
        r#"path "identity/entity/name/*" { capabilities = ["read", "update", "delete"] }
           path "identity/entity/name/Ann" { capabilities = ["deny"] }
           path "identity/entity/name/ben" { capabilities = ["deny"] }"#,
    );
    let token = door.token(&["some"]);
    for name in ["Ann", "ann", "ANN", "aNN"] {
        let path = format!("identity/entity/name/{name}");
        assert_eq!(door.read(&token, &path).0, 403, "{name}");
        assert_eq!(
            door.write(&token, &path, json!({"disabled": true})).0,
            403,
            "{name}"
        );
        assert_eq!(
            door.call(&token, Method::Delete, &path, &Value::Null).0,
            403,
            "{name}"
        );
    }
    assert_eq!(
        door.write(&token, "identity/entity/name/BEN", json!({})).0,
        403
    );
    assert_eq!(door.read(&token, "identity/entity/name/carl").0, 404);
}

#[test]
fn aliases_and_groups_answer_in_vaults_shapes() {
    let door = Door::new();
    let root = door.root.as_str();
    door.set("sys/auth/up", json!({"type": "userpass"}));
    let (_, mount) = door.read(root, "sys/auth/up");
    let accessor = text(&mount, "/data/accessor");
    let ann = text(
        &door.set("identity/entity", json!({"name": "ann", "policies": ["p"]})),
        "/data/id",
    );
    let alias = json!({"name": "ann", "canonical_id": ann, "mount_accessor": accessor,
        "custom_metadata": {"x": "y"}});
    let made = door.set("identity/entity-alias", alias.clone());
    let id = text(&made, "/data/id");
    assert_eq!(
        text(&door.set("identity/entity-alias", alias), "/data/id"),
        id
    );
    let (_, got) = door.read(root, &format!("identity/entity-alias/id/{id}"));
    assert_eq!(got["data"]["canonical_id"], json!(ann));
    assert_eq!(got["data"]["mount_type"], json!("userpass"));
    assert_eq!(got["data"]["custom_metadata"], json!({"x": "y"}));
    let (_, list) = door.read(root, "identity/entity-alias/id?list=true");
    assert_eq!(
        list["data"]["key_info"][&id]["mount_path"],
        json!("auth/up/")
    );
    let look = json!({"alias_name": "ann", "alias_mount_accessor": accessor});
    let found = door.set("identity/lookup/entity", look);
    assert_eq!(found["data"]["aliases"][0]["id"], json!(id));
    for bad in [
        json!({"mount_accessor": accessor}),
        json!({"name": "x"}),
        json!({"name": "x", "mount_accessor": "nothing"}),
        json!({"name": "x", "mount_accessor": accessor, "canonical_id": "nothing"}),
        json!({"name": "more", "mount_accessor": accessor, "canonical_id": ann}),
    ] {
        assert_eq!(door.write(root, "identity/entity-alias", bad).0, 400);
    }
    let group = json!({"name": "staff", "policies": ["q"], "member_entity_ids": [ann]});
    let group = text(&door.set("identity/group", group), "/data/id");
    let (_, got) = door.read(root, &format!("identity/group/id/{group}"));
    assert_eq!(got["data"]["member_entity_ids"], json!([ann]));
    assert_eq!(got["data"]["alias"], json!({}));
    assert_eq!(got["data"]["type"], json!("internal"));
    let (_, list) = door.read(root, "identity/group/id?list=true");
    let told = json!({"name": "staff", "num_member_entities": 1, "num_parent_groups": 0});
    assert_eq!(list["data"]["key_info"][&group], told);
    door.set("auth/up/users/ann", json!({"password": "x"}));
    let login = door
        .write("", "auth/up/login/ann", json!({"password": "x"}))
        .1;
    assert_eq!(login["auth"]["entity_id"], json!(ann));
    assert_eq!(login["auth"]["identity_policies"], json!(["p", "q"]));
    assert_eq!(login["auth"]["token_policies"], json!(["default"]));
    let token = text(&login, "/auth/client_token");
    let own = format!("identity/entity/id/{ann}");
    assert_eq!(
        door.read(&token, &own).0,
        200,
        "the default policy's template"
    );
    assert_eq!(door.read(&token, "identity/entity/name/ann").0, 200);
    assert_eq!(
        door.read(&token, &format!("identity/group/id/{group}")).0,
        403
    );
    door.set(&own, json!({"disabled": true}));
    assert_eq!(door.read(&token, "auth/token/lookup-self").0, 403);
    let path = format!("identity/group/id/{group}");
    assert_eq!(door.call(root, Method::Delete, &path, &Value::Null).0, 204);
}
