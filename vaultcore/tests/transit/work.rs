//! What each thread of a process does with two keys, and remembers of it.

use std::sync::Mutex;
use std::thread;

use serde_json::{Value, json};
use vaultcore::transit::{HashType, Input, SignOptions, Transit};
use vaultcore::{ErrorKind, Result};

pub(crate) const ENCRYPTS: &str = "encrypts";
pub(crate) const SIGNS: &str = "signs";
pub(crate) const THREADS: usize = 8;

/// What was made, each text with what it was made of.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) sealed: Vec<(String, String)>,
    pub(crate) signed: Vec<(String, String)>,
    pub(crate) macs: Vec<(String, String)>,
}

impl Shown {
    pub(crate) fn to_json(&self) -> Value {
        json!([self.sealed, self.signed, self.macs])
    }

    pub(crate) fn of_json(json: Value) -> Self {
        let lists: [Vec<(String, String)>; 3] = serde_json::from_value(json).expect("lists");
        let [sealed, signed, macs] = lists;
        Self {
            sealed,
            signed,
            macs,
        }
    }

    fn extend(&mut self, more: Self) {
        self.sealed.extend(more.sealed);
        self.signed.extend(more.signed);
        self.macs.extend(more.macs);
    }
}

/// The threads of one process.
pub(crate) struct Workers {
    transit: Transit,
    mine: Vec<Shown>,
    rounds: usize,
}

impl Workers {
    pub(crate) fn new(transit: Transit) -> Self {
        let mine = (0..THREADS).map(|_| Shown::default()).collect();
        Self {
            transit,
            mine,
            rounds: 0,
        }
    }

    /// Every thread makes `count` texts, and now and then rotates a key.
    pub(crate) fn work(&mut self, count: usize) -> Value {
        self.rounds += 1;
        let (transit, round) = (&self.transit, self.rounds);
        let wrong = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for (thread, mine) in self.mine.iter_mut().enumerate() {
                let wrong = &wrong;
                scope.spawn(move || {
                    for number in 0..count {
                        let data = format!("{} {round} {thread} {number}", std::process::id());
                        if let Err(error) = make(transit, mine, data, (thread, number)) {
                            wrong.lock().expect("lock").push(error);
                        }
                    }
                });
            }
        });
        json!(wrong.into_inner().expect("lock"))
    }

    /// Encrypts all anew, and says of which version the oldest text is then.
    pub(crate) fn rewrap(&mut self) -> Value {
        let transit = &self.transit;
        let results = thread::scope(|scope| {
            let mine = self.mine.iter_mut();
            let workers: Vec<_> = mine
                .map(|mine| scope.spawn(move || rewrap(transit, &mut mine.sealed)))
                .collect();
            let ends = workers.into_iter().map(|worker| worker.join());
            ends.map(|end| end.expect("worked")).collect::<Vec<_>>()
        });
        match results
            .into_iter()
            .collect::<std::result::Result<Vec<u32>, String>>()
        {
            Ok(oldest) => json!(oldest.into_iter().min()),
            Err(wrong) => json!(wrong),
        }
    }

    /// Shows all that there is.
    pub(crate) fn show(&mut self) -> Value {
        let mut all = Shown::default();
        self.mine.drain(..).for_each(|mine| all.extend(mine));
        all.to_json()
    }
}

/// Encrypts, and decrypts at once; signs and rotates less often.
fn make(
    transit: &Transit,
    mine: &mut Shown,
    data: String,
    (thread, number): (usize, usize),
) -> std::result::Result<(), String> {
    let told = |what: &'static str| move |error| format!("{what}: {error}");
    let turn = number + 5 * thread;
    if turn % 40 == 0 {
        let name = [ENCRYPTS, SIGNS][thread % 2];
        again(|| transit.rotate(name)).map_err(told("rotate"))?;
    }
    let text = again(|| transit.encrypt(ENCRYPTS, &data)).map_err(told("encrypt"))?;
    let plain = again(|| transit.decrypt(ENCRYPTS, &text)).map_err(told("decrypt"))?;
    if plain.expose() != data.as_bytes() {
        return Err("it decrypts to something else".to_owned());
    }
    if turn % 8 == 0 {
        let (options, hash) = (SignOptions::new(), HashType::default());
        let signature = again(|| transit.sign(SIGNS, options, &data)).map_err(told("sign"))?;
        mine.signed.push((data.clone(), signature));
        let mac = again(|| transit.hmac(SIGNS, hash, &data)).map_err(told("hmac"))?;
        mine.macs.push((data.clone(), mac));
    }
    mine.sealed.push((data, text));
    Ok(())
}

fn rewrap(transit: &Transit, sealed: &mut [(String, String)]) -> std::result::Result<u32, String> {
    let mut oldest = u32::MAX;
    for part in sealed.chunks_mut(10) {
        let items: Vec<Input<'_>> = part.iter().map(|(_, text)| Input::from(text)).collect();
        let texts = again(|| transit.rewrap_batch(ENCRYPTS, &items));
        drop(items);
        let texts = texts.map_err(|error| format!("rewrap: {error}"))?;
        for ((_, old), text) in part.iter_mut().zip(texts) {
            *old = text.map_err(|error| format!("rewrap of one: {error}"))?;
            oldest = oldest.min(version(old));
        }
    }
    Ok(oldest)
}

/// Tries again what others overtook, which is allowed to fail if they are many.
fn again<T>(work: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 0..20 {
        match work() {
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            result => return result,
        }
    }
    work()
}

/// Returns what is wrong with any of what was made.
pub(crate) fn wrong(transit: &Transit, shown: &Shown) -> Option<String> {
    let (options, hash) = (SignOptions::new(), HashType::default());
    for (data, text) in &shown.sealed {
        match transit.decrypt(ENCRYPTS, text) {
            Ok(plain) if plain.expose() == data.as_bytes() => {}
            Ok(_) => return Some("a text decrypts to something else".to_owned()),
            Err(error) => return Some(format!("decrypt at the end: {error}")),
        }
    }
    for (data, signature) in &shown.signed {
        let valid = transit.verify(SIGNS, options, data, signature);
        if !valid.is_ok_and(|valid| valid) {
            return Some("a signature does not verify".to_owned());
        }
    }
    for (data, mac) in &shown.macs {
        let valid = transit.verify_hmac(SIGNS, hash, data, mac);
        if !valid.is_ok_and(|valid| valid) {
            return Some("a MAC does not verify".to_owned());
        }
    }
    None
}

pub(crate) fn version(text: &str) -> u32 {
    let rest = text.strip_prefix("vault:v").expect("a text of a key");
    let (number, _) = rest.split_once(':').expect("a version");
    number.parse().expect("a number")
}
