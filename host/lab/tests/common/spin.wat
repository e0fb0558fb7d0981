;; An agent whose work is known: for each message it mixes a number ROUNDS times, and replies
;; with no message. `EXTRA` stands for whatever else a test wants of the module.
(module
  (memory (export "memory") 20)
  (global $mixed (mut i64) (i64.const 88172645463325252))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
  (func (export "sandlab:agent/agent@0.1.0#configure") (param i32 i32) (result i32) i32.const 0)
  (func (export "sandlab:agent/agent@0.1.0#handle")
    (param i64 i64 i32 i64 i64 i64 i32 i32 i32) (result i32)
    (local $left i32)
    (local.set $left (i32.const ROUNDS))
    (loop $again
      ;; Marsaglia's xorshift: each round needs the one before, so that none can be left out.
      (global.set $mixed (i64.xor (global.get $mixed) (i64.shl (global.get $mixed) (i64.const 13))))
      (global.set $mixed (i64.xor (global.get $mixed) (i64.shr_u (global.get $mixed) (i64.const 7))))
      (global.set $mixed (i64.xor (global.get $mixed) (i64.shl (global.get $mixed) (i64.const 17))))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    i32.const 0)
  EXTRA)
