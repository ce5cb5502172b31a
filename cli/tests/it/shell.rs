//! Completions and man pages.

use crate::rig::Rig;

#[test]
fn there_are_completions_for_every_shell() {
    let rig = Rig::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = rig.ok(&["completions", shell]);
        assert!(
            run.out.contains("vaultcore") && run.out.contains("generate-root"),
            "{shell}"
        );
    }
}

#[test]
fn bash_takes_the_completions() {
    let rig = Rig::empty();
    rig.write("script", rig.ok(&["completions", "bash"]).out);
    let check = "source ./script; COMP_WORDS=(vaultcore kv rol); COMP_CWORD=2; \
                 _vaultcore vaultcore rol kv; echo \"${COMPREPLY[@]}\"";
    let mut bash = std::process::Command::new("bash");
    let output = bash
        .args(["-c", check])
        .current_dir(rig.folder())
        .output()
        .expect("bash");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "rollback\n");
}

#[test]
fn there_is_a_man_page_for_every_command() {
    let rig = Rig::empty();
    rig.ok(&["man", "pages/man1"]);
    for name in [
        "vaultcore",
        "vaultcore-kv-get",
        "vaultcore-operator-slots-add-shamir",
    ] {
        let page = rig.read(&format!("pages/man1/{name}.1"));
        assert!(page.contains(".TH ") && page.contains(".SH NAME"), "{name}");
    }
    assert!(rig.read("pages/man1/vaultcore-kv-put.1").contains("EXTRA"));
    rig.write("file", "");
    rig.call(&["man", "file/pages"]).fails(1);
}
