//! `export!`, once for each of the two outputs.

/// Exports an agent: `export!(Type)`, or `export!(Type, batch)` for the world
/// `batch-agent`, or `export!(Type, durable)` for the world `durable-agent`.
#[cfg(target_family = "wasm")]
#[macro_export]
macro_rules! export {
    ($agent:ty) => {
        $crate::__component!($agent, {});
    };
    ($agent:ty, batch) => {
        $crate::__component!($agent, {
            impl $crate::bindings::batch::exports::sandlab::agent::batch::Guest for Component {
                fn handle_batch(
                    messages: Vec<$crate::Message>,
                ) -> Vec<Result<Vec<$crate::Message>, $crate::Failure>> {
                    AGENT.with_borrow_mut(|agent| {
                        $crate::Agent::handle_batch(agent, &mut $crate::__host(), messages)
                    })
                }
            }

            $crate::bindings::batch::export_batch!(
                Component with_types_in $crate::bindings::batch
            );
        });
    };
    ($agent:ty, durable) => {
        $crate::__component!($agent, {
            impl $crate::bindings::durable::exports::sandlab::agent::state::Guest for Component {
                fn checkpoint() -> Result<Vec<u8>, $crate::Failure> {
                    AGENT.with_borrow_mut(|agent| $crate::Agent::checkpoint(agent))
                }

                fn restore(state: Vec<u8>) -> Result<(), $crate::Failure> {
                    AGENT.with_borrow_mut(|agent| $crate::Agent::restore(agent, &state))
                }
            }

            $crate::bindings::durable::export_durable!(
                Component with_types_in $crate::bindings::durable
            );
        });
    };
}

/// The exports that all worlds have, and the rest of one world.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[macro_export]
macro_rules! __component {
    ($agent:ty, { $($rest:item)* }) => {
        const _: () = {
            use std::cell::RefCell;

            struct Component;

            thread_local! {
                static AGENT: RefCell<$agent> = RefCell::default();
            }

            impl $crate::bindings::plain::exports::sandlab::agent::agent::Guest for Component {
                fn configure(config: Vec<u8>) -> Result<(), $crate::Failure> {
                    AGENT.with_borrow_mut(|agent| {
                        $crate::Agent::configure(agent, &mut $crate::__host(), &config)
                    })
                }

                fn handle(
                    message: $crate::Message,
                ) -> Result<Vec<$crate::Message>, $crate::Failure> {
                    AGENT.with_borrow_mut(|agent| {
                        $crate::Agent::handle(agent, &mut $crate::__host(), message)
                    })
                }
            }

            $crate::bindings::plain::export!(Component with_types_in $crate::bindings::plain);

            $($rest)*
        };
    };
}

/// The host of a component, for [`export!`].
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub fn __host() -> crate::Host {
    crate::Host {
        imports: crate::host::Imports,
    }
}

/// Exports an agent: `export!(Type)`, or `export!(Type, batch)` for the world
/// `batch-agent`, or `export!(Type, durable)` for the world `durable-agent`.
#[cfg(not(target_family = "wasm"))]
#[macro_export]
macro_rules! export {
    ($agent:ty) => {
        $crate::__twin!($agent, PLAIN);
    };
    ($agent:ty, batch) => {
        $crate::__twin!($agent, BATCH);
    };
    ($agent:ty, durable) => {
        $crate::__twin!($agent, DURABLE);
    };
}

/// The one symbol of a twin.
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __twin {
    ($agent:ty, $world:ident) => {
        const _: () = {
            static TABLE: $crate::twin::Table =
                $crate::twin::table::<$agent>($crate::twin::world::$world);

            #[doc(hidden)]
            #[unsafe(no_mangle)]
            pub extern "C" fn sandlab_agent_v1() -> *const $crate::twin::Table {
                &TABLE
            }
        };
    };
}
