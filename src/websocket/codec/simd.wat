;; Masking and UTF-8 validation, 16 bytes at a time, on the arena itself.
;;
;; `npm run build` turns this file into simd-module.ts; simd.ts loads that, and decides from which
;; size on it is worth a call. Offsets and lengths are unsigned bytes. The module keeps no state and
;; writes nothing but what a caller asks for, so every thread has its own instance over one memory.
;;
;;  1. Nothing outside the ranges given is read or written: a v128 at the end of the memory would
;;     trap, and what lies beside a range may belong to another thread.
;;  2. Lengths have a lower bound, stated at each function. Whatever is left after whole blocks is
;;     done as one more block that ends where the range ends and overlaps what is done already.
;;  3. `offset + 64` may pass 2^32 at the end of the largest memory, so loops count down what is
;;     left and never compare ends.
(module
  ;; Any arena: 1 MiB to 4 GiB. Those are bounds for what is imported, not a size.
  (import "env" "memory" (memory 16 65536 shared))

  ;; XORs in place. `key`: the four key bytes, little-endian, turned to the phase of `at`.
  ;; length ≥ 16. The result is 0 when all resulting bytes are ASCII.
  (func (export "unmask") (param $at i32) (param $length i32) (param $key i32) (result i32)
    (local $last i32) (local $left i32)
    (local $keys v128) (local $tail v128) (local $seen v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $keys (i32x4.splat (local.get $key)))
    ;; The last block first: the loops below change part of it. 16 is a multiple of the key's 4
    ;; bytes, so it starts at phase length mod 4; a rotation takes its count mod 32.
    (local.set $last (i32.sub (i32.add (local.get $at) (local.get $length)) (i32.const 16)))
    (local.set $tail (v128.xor
      (v128.load align=1 (local.get $last))
      (i32x4.splat (i32.rotr (local.get $key) (i32.shl (local.get $length) (i32.const 3))))))
    (local.set $seen (local.get $tail))
    (local.set $left (local.get $length))
    (block $few
      (loop $blocks4
        (br_if $few (i32.lt_u (local.get $left) (i32.const 64)))
        (local.set $a (v128.xor (v128.load align=1 (local.get $at)) (local.get $keys)))
        (local.set $b (v128.xor (v128.load offset=16 align=1 (local.get $at)) (local.get $keys)))
        (local.set $c (v128.xor (v128.load offset=32 align=1 (local.get $at)) (local.get $keys)))
        (local.set $d (v128.xor (v128.load offset=48 align=1 (local.get $at)) (local.get $keys)))
        (v128.store align=1 (local.get $at) (local.get $a))
        (v128.store offset=16 align=1 (local.get $at) (local.get $b))
        (v128.store offset=32 align=1 (local.get $at) (local.get $c))
        (v128.store offset=48 align=1 (local.get $at) (local.get $d))
        (local.set $seen (v128.or (local.get $seen) (v128.or
          (v128.or (local.get $a) (local.get $b))
          (v128.or (local.get $c) (local.get $d)))))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (local.set $left (i32.sub (local.get $left) (i32.const 64)))
        (br $blocks4)))
    (block $end
      (loop $blocks
        (br_if $end (i32.le_u (local.get $left) (i32.const 16)))
        (local.set $a (v128.xor (v128.load align=1 (local.get $at)) (local.get $keys)))
        (v128.store align=1 (local.get $at) (local.get $a))
        (local.set $seen (v128.or (local.get $seen) (local.get $a)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (local.set $left (i32.sub (local.get $left) (i32.const 16)))
        (br $blocks)))
    (v128.store align=1 (local.get $last) (local.get $tail))
    (i8x16.bitmask (local.get $seen)))

  ;; The same from one place to another; the ranges do not overlap. length ≥ 16. Key 0 copies.
  (func (export "unmaskCopy")
    (param $from i32) (param $to i32) (param $length i32) (param $key i32) (result i32)
    (local $tail v128) (local $left i32)
    (local $keys v128) (local $seen v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $keys (i32x4.splat (local.get $key)))
    (local.set $tail (v128.xor
      (v128.load align=1
        (i32.sub (i32.add (local.get $from) (local.get $length)) (i32.const 16)))
      (i32x4.splat (i32.rotr (local.get $key) (i32.shl (local.get $length) (i32.const 3))))))
    (v128.store align=1
      (i32.sub (i32.add (local.get $to) (local.get $length)) (i32.const 16))
      (local.get $tail))
    (local.set $seen (local.get $tail))
    (local.set $left (local.get $length))
    (block $few
      (loop $blocks4
        (br_if $few (i32.lt_u (local.get $left) (i32.const 64)))
        (local.set $a (v128.xor (v128.load align=1 (local.get $from)) (local.get $keys)))
        (local.set $b (v128.xor (v128.load offset=16 align=1 (local.get $from)) (local.get $keys)))
        (local.set $c (v128.xor (v128.load offset=32 align=1 (local.get $from)) (local.get $keys)))
        (local.set $d (v128.xor (v128.load offset=48 align=1 (local.get $from)) (local.get $keys)))
        (v128.store align=1 (local.get $to) (local.get $a))
        (v128.store offset=16 align=1 (local.get $to) (local.get $b))
        (v128.store offset=32 align=1 (local.get $to) (local.get $c))
        (v128.store offset=48 align=1 (local.get $to) (local.get $d))
        (local.set $seen (v128.or (local.get $seen) (v128.or
          (v128.or (local.get $a) (local.get $b))
          (v128.or (local.get $c) (local.get $d)))))
        (local.set $from (i32.add (local.get $from) (i32.const 64)))
        (local.set $to (i32.add (local.get $to) (i32.const 64)))
        (local.set $left (i32.sub (local.get $left) (i32.const 64)))
        (br $blocks4)))
    (block $end
      (loop $blocks
        (br_if $end (i32.le_u (local.get $left) (i32.const 16)))
        (local.set $a (v128.xor (v128.load align=1 (local.get $from)) (local.get $keys)))
        (v128.store align=1 (local.get $to) (local.get $a))
        (local.set $seen (v128.or (local.get $seen) (local.get $a)))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (local.set $to (i32.add (local.get $to) (i32.const 16)))
        (local.set $left (i32.sub (local.get $left) (i32.const 16)))
        (br $blocks)))
    (i8x16.bitmask (local.get $seen)))

  ;; Whether a text may begin with these bytes, as far as pairs and triples of them tell: 1, or 0
  ;; when no UTF-8 has such a sequence. It begins between two characters. A character that is cut
  ;; off at the end is left to the caller, as is a lead byte at the very end. length ≥ 16.
  ;;
  ;; The algorithm is that of J. Keiser and D. Lemire, "Validating UTF-8 In Less Than One
  ;; Instruction Per Byte" (Software: Practice and Experience 51(5), 2021). Each of the eight bits
  ;; of a byte stands for one fault that two neighbouring bytes can show. Three tables of 16 say
  ;; which faults are possible by the high half of the first byte, the low half of the first, and
  ;; the high half of the second; the fault is there when all three agree:
  ;;   01 lead byte, then no continuation          02 ASCII, then a continuation
  ;;   04 E0 80–9F: overlong                       08 F4 90–BF, F5–FF 90–BF: above U+10FFFF
  ;;   10 ED A0–BF: surrogate                      20 C0, C1: overlong
  ;;   40 F0 80–8F: overlong; F5–FF 80–8F          80 two continuations
  ;; The last is right, and needed, exactly where the byte two places before is E0 or above or the
  ;; one three places before is F0 or above. An XOR compares the two.
  (func (export "mayBeUtf8") (param $at i32) (param $length i32) (result i32)
    (local $left i32)
    (local $input v128) (local $prev v128) (local $one v128) (local $fault v128)
    (local.set $left (local.get $length))
    (loop $stretch
      (block $checked
        ;; 64 bytes of ASCII need no tables. They must not follow a character that is cut off: of
        ;; the last three bytes before, none may be a lead that announces more than is there.
        (block $mixed
          (br_if $mixed (i32.lt_u (local.get $left) (i32.const 64)))
          (local.set $input (v128.load offset=48 align=1 (local.get $at)))
          (br_if $mixed (i8x16.bitmask (v128.or
            (v128.or
              (v128.load align=1 (local.get $at))
              (v128.load offset=16 align=1 (local.get $at)))
            (v128.or
              (v128.load offset=32 align=1 (local.get $at))
              (local.get $input)))))
          (local.set $fault (v128.or (local.get $fault) (i8x16.sub_sat_u (local.get $prev)
            (v128.const i8x16 255 255 255 255 255 255 255 255 255 255 255 255 255 0xef 0xdf 0xbf))))
          (local.set $prev (local.get $input))
          (local.set $at (i32.add (local.get $at) (i32.const 64)))
          (local.set $left (i32.sub (local.get $left) (i32.const 64)))
          (br $checked))
        ;; The last block, from 16 bytes before the end, after the one before that.
        (if (i32.lt_u (local.get $left) (i32.const 16))
          (then
            (br_if $checked (i32.eqz (local.get $left)))
            (local.set $at (i32.sub (i32.add (local.get $at) (local.get $left)) (i32.const 16)))
            (local.set $prev
              (if (result v128) (i32.ge_u (local.get $length) (i32.const 32))
                (then (v128.load align=1 (i32.sub (local.get $at) (i32.const 16))))
                ;; That would begin before the text. One block is done, and it is in `prev`: moved
                ;; up, with zeros, which are ASCII, where the text has not begun.
                (else
                  (i8x16.swizzle (local.get $prev)
                    (i8x16.add
                      (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
                      (i8x16.splat (i32.sub (local.get $left) (i32.const 16))))))))
            (local.set $left (i32.const 16))))
        ;; Blocks until less than one is left over 256 bytes or a multiple of them: text that is
        ;; not ASCII mostly stays so for a while. Not unrolled: V8 would run out of registers.
        (loop $blocks
          (local.set $input (v128.load align=1 (local.get $at)))
          ;; The input moved by one byte: at each place, the byte before.
          (local.set $one
            (i8x16.shuffle 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30
              (local.get $prev) (local.get $input)))
          (local.set $fault (v128.or (local.get $fault) (v128.xor
            ;; What is wrong with the pair, or two continuations.
            (v128.and
              (v128.and
                (i8x16.swizzle
                  (v128.const i8x16 0x02 0x02 0x02 0x02 0x02 0x02 0x02 0x02
                                    0x80 0x80 0x80 0x80 0x21 0x01 0x15 0x49)
                  (v128.and
                    (i16x8.shr_u (local.get $one) (i32.const 4))
                    (i8x16.splat (i32.const 15))))
                (i8x16.swizzle
                  (v128.const i8x16 0xe7 0xa3 0x83 0x83 0x8b 0xcb 0xcb 0xcb
                                    0xcb 0xcb 0xcb 0xcb 0xcb 0xdb 0xcb 0xcb)
                  (v128.and (local.get $one) (i8x16.splat (i32.const 15)))))
              (i8x16.swizzle
                (v128.const i8x16 0x01 0x01 0x01 0x01 0x01 0x01 0x01 0x01
                                  0xe6 0xae 0xba 0xba 0x01 0x01 0x01 0x01)
                (v128.and
                  (i16x8.shr_u (local.get $input) (i32.const 4))
                  (i8x16.splat (i32.const 15)))))
            ;; Where two continuations have to be: 80 or above is left of E0 – 60 and of F0 – 70.
            (v128.and
              (v128.or
                (i8x16.sub_sat_u
                  (i8x16.shuffle 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29
                    (local.get $prev) (local.get $input))
                  (i8x16.splat (i32.const 0x60)))
                (i8x16.sub_sat_u
                  (i8x16.shuffle 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28
                    (local.get $prev) (local.get $input))
                  (i8x16.splat (i32.const 0x70))))
              (i8x16.splat (i32.const 0x80))))))
          (local.set $prev (local.get $input))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (local.set $left (i32.sub (local.get $left) (i32.const 16)))
          (br_if $blocks (i32.and (local.get $left) (i32.const 0xf0)))))
      (if (v128.any_true (local.get $fault)) (then (return (i32.const 0))))
      (br_if $stretch (local.get $left)))
    (i32.const 1)))
