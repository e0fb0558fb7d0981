//! The macro `export!`, once per output.

/// Exports an agent for `plain-agent`, as in `export!(Type)`, and for further worlds, any of
/// `batch`, `durable` and `zero_copy`, as in `export!(Type, batch, durable)`.
#[cfg(target_family = "wasm")]
#[macro_export]
macro_rules! export {
    ($agent:ty $(, $world:ident)* $(,)?) => {
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

            $($crate::__world!($world);)*
        };
    };
}

/// Adds one world's exports to a component; needs `Component` and `AGENT` in scope.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[macro_export]
macro_rules! __world {
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
    (zero_copy) => {
        impl $crate::bindings::zero_copy::exports::sandlab::agent::parcels::Guest for Component {
            fn handle_parcel(
                parcel: $crate::Parcel,
            ) -> Result<Vec<$crate::Parcel>, $crate::Failure> {
                AGENT.with_borrow_mut(|agent| {
                    $crate::Agent::handle_parcel(agent, &mut $crate::__host(), parcel)
                })
            }
        }

        $crate::bindings::zero_copy::export_zero_copy!(
            Component with_types_in $crate::bindings::zero_copy
        );
    };
}

/// Returns the host of a component, for [`export!`].
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub fn __host() -> crate::Host {
    crate::Host { imports: crate::host::Imports }
}

/// Exports an agent for `plain-agent`, as in `export!(Type)`, and for further worlds, any of
/// `batch`, `durable` and `zero_copy`, as in `export!(Type, batch, durable)`.
#[cfg(not(target_family = "wasm"))]
#[macro_export]
macro_rules! export {
    ($agent:ty $(, $world:ident)* $(,)?) => {
        const _: () = {
            static TABLE: $crate::twin::Table =
                $crate::twin::table::<$agent>(0 $(| $crate::__world!($world))*);

            #[doc(hidden)]
            #[unsafe(no_mangle)]
            pub extern "C" fn sandlab_agent_v2() -> *const $crate::twin::Table {
                &TABLE
            }
        };
    };
}

/// Expands to the bit of the interface that a world adds.
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __world {
    (batch) => {
        $crate::twin::exports::BATCH
    };
    (durable) => {
        $crate::twin::exports::STATE
    };
    (zero_copy) => {
        $crate::twin::exports::PARCELS
    };
}
