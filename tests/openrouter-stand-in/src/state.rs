//! The memory of a running stand-in.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::catalogue::Catalogue;
use crate::key_ring::KeyRing;
use crate::ledger::Ledger;
use crate::observed::Observed;
use crate::prompt_cache::PromptCache;
use crate::record::Recorder;
use crate::settings::Settings;

pub(crate) type Shared = Arc<StandIn>;

/// The memory of one running stand-in.
pub(crate) struct StandIn {
    pub(crate) settings: Settings,
    pub(crate) catalogue: Mutex<Catalogue>,
    pub(crate) keys: Mutex<KeyRing>,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) observed: Mutex<Observed>,
    pub(crate) recorder: Mutex<Recorder>,
    pub(crate) prompt_cache: Mutex<PromptCache>,
    away: AtomicBool,
    generation_misses: AtomicU32,
}

impl StandIn {
    pub(crate) fn new(settings: Settings) -> io::Result<Self> {
        let recorder = Recorder::open(settings.record.as_deref())?;
        Ok(Self {
            catalogue: Mutex::new(Catalogue::load()?),
            keys: Mutex::default(),
            ledger: Mutex::default(),
            observed: Mutex::default(),
            recorder: Mutex::new(recorder),
            prompt_cache: Mutex::default(),
            away: AtomicBool::new(false),
            generation_misses: AtomicU32::new(settings.generation_misses),
            settings,
        })
    }

    pub(crate) fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    pub(crate) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    pub(crate) fn generation_misses(&self) -> u32 {
        self.generation_misses.load(Ordering::Relaxed)
    }

    pub(crate) fn set_generation_misses(&self, misses: u32) {
        self.generation_misses.store(misses, Ordering::Relaxed);
    }

    pub(crate) fn reset(&self) -> Result<(), serde_json::Error> {
        *locked(&self.catalogue) = Catalogue::load()?;
        *locked(&self.keys) = KeyRing::default();
        *locked(&self.ledger) = Ledger::default();
        *locked(&self.observed) = Observed::default();
        *locked(&self.prompt_cache) = PromptCache::default();
        self.set_away(false);
        self.set_generation_misses(self.settings.generation_misses);
        Ok(())
    }
}

/// Locks the value also after a handler has panicked, so that later requests are still answered.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
