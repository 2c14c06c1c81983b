//! Whatever a program does, the image agrees with a plain map of plain bytes, and a power loss
//! takes nothing that was synced.

use std::collections::BTreeMap;

use proptest::prelude::*;
use stormglass::disk::{FileId, Image, Survival};
use stormglass::seed::Seed;

#[derive(Clone, Debug)]
enum Step {
    Create(usize),
    Write { file: usize, offset: u64, len: usize, byte: u8 },
    SetLen { file: usize, len: u64 },
    Rename(usize, usize),
    Remove(usize),
    Sync(usize),
    SyncDir(usize),
    PowerLoss(u64),
}

/// Two directories, so that syncing one leaves the other.
const NAMES: [&str; 4] = ["a", "b", "dir/a", "dir/b"];
const DIRS: [&str; 2] = ["", "dir"];

fn step() -> impl Strategy<Value = Step> {
    let file = 0..NAMES.len();
    let len = 0_u64..20_000;
    prop_oneof![
        3 => file.clone().prop_map(Step::Create),
        8 => (file.clone(), len.clone(), 0_usize..9_000, 1_u8..)
            .prop_map(|(file, offset, len, byte)| Step::Write { file, offset, len, byte }),
        3 => (file.clone(), len).prop_map(|(file, len)| Step::SetLen { file, len }),
        1 => (file.clone(), file.clone()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => file.clone().prop_map(Step::Remove),
        3 => file.prop_map(Step::Sync),
        1 => (0..DIRS.len()).prop_map(Step::SyncDir),
        1 => any::<u64>().prop_map(Step::PowerLoss),
    ]
}

/// The files as plain bytes: those that a program sees.
#[derive(Default)]
struct Model(BTreeMap<&'static str, Vec<u8>>);

impl Model {
    /// Does the step to the model; power losses are not its business.
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Create(file) => {
                self.0.entry(NAMES[file]).or_default();
            }
            Step::Write { file, offset, len, byte } => {
                let Some(bytes) = self.0.get_mut(NAMES[file]) else { return };
                let offset = offset as usize;
                if len > 0 && bytes.len() < offset + len {
                    bytes.resize(offset + len, 0);
                }
                if len > 0 {
                    bytes[offset..offset + len].fill(byte);
                }
            }
            Step::SetLen { file, len } => {
                if let Some(bytes) = self.0.get_mut(NAMES[file]) {
                    bytes.resize(len as usize, 0);
                }
            }
            Step::Rename(from, to) => {
                if let Some(bytes) = self.0.remove(NAMES[from]) {
                    self.0.insert(NAMES[to], bytes);
                }
            }
            Step::Remove(file) => {
                self.0.remove(NAMES[file]);
            }
            Step::Sync(_) | Step::SyncDir(_) | Step::PowerLoss(_) => (),
        }
    }
}

fn image_step(image: &mut Image, step: &Step) {
    let find = |image: &Image, file: usize| image.find(NAMES[file]).ok();
    match *step {
        Step::Create(file) => {
            let _ = image.create(NAMES[file]);
        }
        Step::Write { file, offset, len, byte } => {
            if let Some(file) = find(image, file) {
                image.write(file, offset, &vec![byte; len]);
            }
        }
        Step::SetLen { file, len } => {
            if let Some(file) = find(image, file) {
                image.set_len(file, len);
            }
        }
        Step::Rename(from, to) => {
            let _ = image.rename(NAMES[from], NAMES[to]);
        }
        Step::Remove(file) => {
            let _ = image.remove(NAMES[file]);
        }
        Step::Sync(file) => {
            if let Some(file) = find(image, file) {
                image.sync(file);
            }
        }
        Step::SyncDir(dir) => image.sync_dir(DIRS[dir]).unwrap(),
        Step::PowerLoss(seed) => {
            let mut stream = Seed(seed).stream("power", 0);
            let survival = Survival::draw(&mut stream);
            image.power_loss(survival, &mut stream);
        }
    }
}

fn contents(image: &Image) -> BTreeMap<&'static str, Vec<u8>> {
    NAMES.iter().filter_map(|name| Some((*name, image.contents(name)?))).collect()
}

fn files(image: &Image) -> BTreeMap<FileId, Vec<u8>> {
    let named = NAMES.iter().filter_map(|name| image.find(name).ok().zip(image.contents(name)));
    named.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_program_sees_what_it_did(steps in prop::collection::vec(step(), 0..60)) {
        let mut image = Image::default();
        let mut model = Model::default();
        for step in steps.iter().filter(|step| !matches!(step, Step::PowerLoss(_))) {
            image_step(&mut image, step);
            model.step(step);
            prop_assert_eq!(&contents(&image), &model.0);
        }
    }

    /// What was synced is there; a file that was not touched since its sync is unchanged.
    #[test]
    fn a_power_loss_takes_nothing_synced(steps in prop::collection::vec(step(), 0..60)) {
        let mut image = Image::default();
        // The content of each file when it was synced, if it was not touched since.
        let mut synced = BTreeMap::<FileId, Vec<u8>>::new();
        // The names when all directories were synced, if none was touched since.
        let mut names = Some(BTreeMap::new());
        for step in &steps {
            let before = contents(&image);
            image_step(&mut image, step);
            match *step {
                Step::Write { file, .. } | Step::SetLen { file, .. } => {
                    if let Ok(file) = image.find(NAMES[file]) {
                        synced.remove(&file);
                    }
                }
                Step::Sync(file) => {
                    if let Ok(id) = image.find(NAMES[file]) {
                        synced.insert(id, image.contents(NAMES[file]).unwrap());
                    }
                }
                Step::Create(_) | Step::Rename(..) | Step::Remove(_) => {
                    if contents(&image).keys().ne(before.keys()) || matches!(step, Step::Rename(..)) {
                        names = None;
                    }
                }
                Step::SyncDir(_) => {
                    if image.pending() == 0 {
                        names = Some(ids(&image));
                    }
                }
                Step::PowerLoss(_) => {
                    for (file, content) in files(&image) {
                        if let Some(synced) = synced.get(&file) {
                            prop_assert_eq!(&content, synced, "a synced file has changed");
                        }
                        synced.insert(file, content);
                    }
                    if let Some(names) = &names {
                        prop_assert_eq!(&ids(&image), names, "a synced name has changed");
                    }
                    names = Some(ids(&image));
                    prop_assert_eq!(image.pending(), 0, "all is decided");
                }
            }
        }
    }

    /// With everything kept a power loss changes nothing; with nothing kept, a second changes nothing.
    #[test]
    fn the_extremes_are_exact(steps in prop::collection::vec(step(), 0..60)) {
        let mut image = Image::default();
        steps.iter().for_each(|step| image_step(&mut image, step));
        let mut stream = Seed(0).stream("power", 0);
        let mut kept = image.clone();
        kept.power_loss(Survival::EVERYTHING, &mut stream);
        prop_assert_eq!(contents(&kept), contents(&image));
        image.power_loss(Survival::NOTHING, &mut stream);
        let durable = contents(&image);
        image.power_loss(Survival::NOTHING, &mut stream);
        prop_assert_eq!(contents(&image), durable);
    }

    #[test]
    fn same_stream_same_outcome(steps in prop::collection::vec(step(), 0..60)) {
        let run = || {
            let mut image = Image::default();
            steps.iter().for_each(|step| image_step(&mut image, step));
            contents(&image)
        };
        prop_assert_eq!(run(), run());
    }
}

fn ids(image: &Image) -> BTreeMap<&'static str, FileId> {
    NAMES.iter().filter_map(|name| Some((*name, image.find(name).ok()?))).collect()
}
