//! `export!`, once for each of the two outputs.

/// Exports an agent: `export!(Type)`, with the names of the optional interfaces that it has
/// besides: `export!(Type, batch)`, `export!(Type, batch, durable)`. `batch` is that of the
/// world `batch-agent`, `durable` that of `durable-agent`.
#[cfg(target_family = "wasm")]
#[macro_export]
macro_rules! export {
    ($agent:ty $(, $interface:ident)* $(,)?) => {
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

            $($crate::__interface!($interface);)*
        };
    };
}

/// One optional interface of a component, where `Component` and `AGENT` are in scope.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[macro_export]
macro_rules! __interface {
    (batch) => {
        impl $crate::bindings::batch::exports::sandlab::agent::batch::Guest for Component {
            fn handle_batch(
                messages: Vec<$crate::Message>,
            ) -> Vec<Result<Vec<$crate::Message>, $crate::Failure>> {
                AGENT.with_borrow_mut(|agent| {
                    $crate::Agent::handle_batch(agent, &mut $crate::__host(), messages)
                })
            }
        }

        $crate::bindings::batch::export_batch!(Component with_types_in $crate::bindings::batch);
    };
    (durable) => {
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

/// Exports an agent: `export!(Type)`, with the names of the optional interfaces that it has
/// besides: `export!(Type, batch)`, `export!(Type, batch, durable)`. `batch` is that of the
/// world `batch-agent`, `durable` that of `durable-agent`.
#[cfg(not(target_family = "wasm"))]
#[macro_export]
macro_rules! export {
    ($agent:ty $(, $interface:ident)* $(,)?) => {
        const _: () = {
            static TABLE: $crate::twin::Table =
                $crate::twin::table::<$agent>(0 $(| $crate::__interface!($interface))*);

            #[doc(hidden)]
            #[unsafe(no_mangle)]
            pub extern "C" fn sandlab_agent_v2() -> *const $crate::twin::Table {
                &TABLE
            }
        };
    };
}

/// The bit of an optional interface.
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __interface {
    (batch) => {
        $crate::twin::exports::BATCH
    };
    (durable) => {
        $crate::twin::exports::STATE
    };
}
