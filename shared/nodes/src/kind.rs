//! The kinds of nodes. The only file of the workspace that tells one kind from another: a new kind is one line here.

use std::borrow::Cow;

use rust_decimal::Decimal;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steps_key::CredentialType;
use steps_openrouter::ModelList;
use steps_problem::{Fault, Problem};
use steps_template::Template;

use crate::ended::Ended;
use crate::known_models::KnownModels;
use crate::most::Most;
use crate::node_kind::{NodeKind, Ready};
use crate::preview::Preview;
use crate::scope::{Charged, Scope};
use crate::unread::Unread;
use crate::{approval, compare, http, lambda, openrouter, set, signal, wait};

/// What a node does, by its `type`. Which kind it is only this crate knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kind(Any);

/// The `type` that stands for an unknown one while a document is checked: what its node's fields say is known, and it
/// cannot run. No document may have it.
pub const UNREAD: &str = "unread";

/// A node with its templates rendered: all that a try needs.
#[derive(Debug)]
pub struct Prepared(AnyReady);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident($kind:ty) = $type:literal),+ $(,)?) => {
        /// Every kind's `type`.
        pub const TYPES: &[&str] = &[$($type),+];

        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "type")]
        enum Any {
            $($(#[$doc])* #[serde(rename = $type)] $name(Box<$kind>),)+
            #[serde(rename = "unread")]
            Unread(Unread),
        }

        #[derive(Debug)]
        enum AnyReady {
            $($name(Box<<$kind as NodeKind>::Ready>)),+
        }

        /// The JSON Schema of a kind's own fields; `None` for a `type` that is none of [`TYPES`].
        #[must_use]
        pub fn schema(kind: &str) -> Option<Value> {
            let generator = SchemaSettings::draft2020_12().with(|own| own.inline_subschemas = true).into_generator();
            match kind {
                $($type => Some(generator.into_root_schema_for::<$kind>().to_value()),)+
                _ => None,
            }
        }

        impl Kind {
            /// Its templates, each with the field it stands in.
            #[must_use]
            pub fn templates(&self) -> Vec<(Cow<'static, str>, &Template)> {
                match &self.0 {
                    $(Any::$name(kind) => kind.templates(),)+
                    Any::Unread(unread) => unread.templates(),
                }
            }

            /// The fields of its output; `None` where they are not known before it has run.
            #[must_use]
            pub fn output_fields(&self) -> Option<Vec<&str>> {
                match &self.0 {
                    $(Any::$name(kind) => kind.output_fields(),)+
                    Any::Unread(_) => None,
                }
            }

            /// The credentials that it names, each with the field it stands in.
            #[must_use]
            pub fn credentials(&self) -> Vec<(Cow<'static, str>, &str)> {
                match &self.0 {
                    $(Any::$name(kind) => kind.credentials(),)+
                    Any::Unread(unread) => unread.credentials(),
                }
            }

            /// The type of these credentials; `None` where that is not known.
            #[must_use]
            pub fn credential_type(&self) -> Option<CredentialType> {
                match &self.0 {
                    $(Any::$name(kind) => Some(kind.credential_type()),)+
                    Any::Unread(_) => None,
                }
            }

            /// The models that it names.
            #[must_use]
            pub fn models(&self) -> Vec<&str> {
                match &self.0 {
                    $(Any::$name(kind) => kind.models(),)+
                    Any::Unread(unread) => unread.models(),
                }
            }

            /// The variable of the earlier node whose conversation it goes on with.
            #[must_use]
            pub fn continues(&self) -> Option<&str> {
                match &self.0 {
                    $(Any::$name(kind) => kind.continues(),)+
                    Any::Unread(_) => None,
                }
            }

            /// The template of the name of the signal that it waits for, where it waits for one.
            #[must_use]
            pub fn signal(&self) -> Option<&Template> {
                match &self.0 {
                    $(Any::$name(kind) => kind.signal(),)+
                    Any::Unread(_) => None,
                }
            }

            /// What the JSON Schema cannot refuse. A path begins at the node.
            #[must_use]
            pub fn faults(&self) -> Vec<Fault> {
                match &self.0 {
                    $(Any::$name(kind) => kind.faults(),)+
                    Any::Unread(_) => Vec::new(),
                }
            }

            /// What is allowed and probably a slip; `models` is the model list where it is known. A path begins at
            /// the node.
            #[must_use]
            pub fn warnings(&self, models: Option<&KnownModels<'_>>) -> Vec<Fault> {
                match &self.0 {
                    $(Any::$name(kind) => kind.warnings(models),)+
                    Any::Unread(unread) => unread.warnings(models),
                }
            }

            /// The items that it is executed for by itself, without a `forEach`; `None` where it is executed once.
            #[must_use]
            pub fn items(&self) -> Option<Vec<Value>> {
                match &self.0 {
                    $(Any::$name(kind) => kind.items(),)+
                    Any::Unread(_) => None,
                }
            }

            /// What the last unit behind these items is executed for, from their outputs; `None` where there is no such
            /// unit.
            #[must_use]
            pub fn last_of(&self, outputs: &[Value]) -> Option<Value> {
                match &self.0 {
                    $(Any::$name(kind) => kind.last_of(outputs),)+
                    Any::Unread(_) => None,
                }
            }

            /// Its variable, from the outputs of these items, and that of the last unit.
            ///
            /// # Errors
            /// There is no variable in them.
            pub fn gathered(&self, outputs: Vec<Value>, last: Option<Value>) -> Result<Value, Problem> {
                match &self.0 {
                    $(Any::$name(kind) => kind.gathered(outputs, last),)+
                    Any::Unread(unread) => Err(unread.cannot_run()),
                }
            }

            /// The longest that one try takes, seconds, where the node does not say; `None` for as long as the function
            /// allows.
            #[must_use]
            pub fn usual_seconds(&self) -> Option<u64> {
                match &self.0 {
                    $(Any::$name(kind) => kind.usual_seconds(),)+
                    Any::Unread(_) => None,
                }
            }

            /// What one try may cost at most by the model list, where there is one.
            ///
            /// # Errors
            /// The model whose price is not known.
            pub fn most_before_run(&self, list: Option<&ModelList>) -> Result<Most, &str> {
                match &self.0 {
                    $(Any::$name(kind) => kind.most_before_run(list),)+
                    Any::Unread(_) => Ok(Most::default()),
                }
            }

            /// Its `type` in the document.
            #[must_use]
            pub fn type_name(&self) -> &'static str {
                match &self.0 {
                    $(Any::$name(_) => $type,)+
                    Any::Unread(_) => UNREAD,
                }
            }

            /// Renders its templates with `context`. `known` are the workflow's variables: the error of a missing
            /// variable names them.
            ///
            /// # Errors
            /// A template's, such as `MissingVariable`.
            pub fn prepare(&self, context: &Value, known: &[&str]) -> Result<Prepared, Problem> {
                match &self.0 {
                    $(Any::$name(kind) => {
                        let ready = Box::new(kind.prepare(context, known)?);
                        Ok(Prepared(AnyReady::$name(ready)))
                    })+
                    Any::Unread(unread) => Err(unread.cannot_run()),
                }
            }

            /// What a call of this node used and cost (USD), asked by its generation's id some time after it; `None`
            /// where that is not known yet.
            ///
            /// # Errors
            /// It could not be asked.
            pub async fn cost(
                &self,
                generation_id: &str,
                scope: &impl Scope,
            ) -> Result<Option<Charged>, Problem> {
                match &self.0 {
                    $(Any::$name(kind) => kind.cost(generation_id, scope).await,)+
                    Any::Unread(_) => Ok(None),
                }
            }
        }

        impl Prepared {
            /// What the try may cost at most (USD), where it costs; from then on it keeps to that.
            ///
            /// # Errors
            /// `PriceUnknown`, or the model list could not be read.
            pub async fn most_usd(&mut self, scope: &impl Scope) -> Result<Option<Decimal>, Problem> {
                match &mut self.0 {
                    $(AnyReady::$name(ready) => ready.most_usd(scope).await,)+
                }
            }

            /// Corrects what an earlier try has left behind, its [`Failed::draft`](crate::Failed::draft), instead of
            /// beginning anew.
            pub fn mend(&mut self, draft: &Value) {
                match &mut self.0 {
                    $(AnyReady::$name(ready) => ready.mend(draft),)+
                }
            }

            /// Has the output hold all that a later node needs to go on with the conversation.
            pub fn keep_conversation(&mut self) {
                match &mut self.0 {
                    $(AnyReady::$name(ready) => ready.keep_conversation(),)+
                }
            }

            /// What the try would send, and what it may cost by the model list, where there is one; also with each of
            /// `models` in place of the node's own. No secret is read for it.
            #[must_use]
            pub fn preview(&self, list: Option<&ModelList>, models: &[String]) -> Preview {
                match &self.0 {
                    $(AnyReady::$name(ready) => ready.preview(list, models),)+
                }
            }

            /// Tries the node once.
            ///
            /// # Errors
            /// How the try failed, and when it may be tried again.
            pub async fn run(self, scope: &impl Scope) -> Ended {
                match self.0 {
                    $(AnyReady::$name(ready) => ready.run(scope).await,)+
                }
            }
        }
    };
}

kinds! {
    /// A call of a model through OpenRouter.
    OpenRouter(openrouter::Chat) = "openrouter",
    /// A request over HTTP.
    Http(http::Http) = "http",
    /// A call of a Lambda function.
    Lambda(lambda::Lambda) = "lambda",
    /// A variable made from templates.
    Set(set::Set) = "set",
    /// A wait: for so long, or until a time.
    Wait(wait::Wait) = "wait",
    /// A wait for a signal.
    Signal(signal::Signal) = "signal",
    /// One prompt to several models.
    Compare(compare::Compare) = "compare",
    /// A question to a person.
    Approval(approval::Approval) = "approval",
}
