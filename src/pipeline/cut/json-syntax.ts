/**
 * Checks that a stream of bytes is one JSON text by RFC 8259 and tells where its outer values begin and end.
 * A finite automaton (state x byte -> state or action) with a stack of one bit a level for what is nested: it never
 * builds a value, never decodes a string and never recurses, so memory stays flat and depth is limited by nothing.
 * Bytes from 0x80 on pass inside strings only, and are not checked to be UTF-8: that is the business of a row.
 */
import { AppError } from '#errors';

/** States. Each stands for "what may come next"; those from T on spell a literal, HEX counts four digits. */
const START = 0; // the very first byte: a value, or a byte order mark
const MARK = 1; // inside the byte order mark, 2 states
const VALUE = 3;
const FIRST_ELEMENT = 4; // after [
const AFTER_ELEMENT = 5;
const FIRST_KEY = 6; // after {
const KEY = 7; // after , in an object
const COLON = 8;
const AFTER_MEMBER = 9;
const OVER = 10; // after the whole text
const STRING = 11;
const ESCAPE = 12;
const HEX = 13; // 4 states
const MINUS = 17;
const ZERO = 18;
const INTEGER = 19;
const POINT = 20;
const FRACTION = 21;
const EXPONENT = 22;
const EXPONENT_SIGN = 23;
const EXPONENT_DIGITS = 24;
const T = 25; // 3 states
const F = 28; // 4 states
const N = 32; // 3 states
const STATES = 35;

/** Actions: what the table holds where reading on is more than a change of state. */
const FIRST_ACTION = 64;
const FAIL = 64;
const LINE_BREAK = 65;
const BEGIN_KEY = 66;
const BEGIN_VALUE = 67;
const END_STRING = 68;
const END_LITERAL = 69;
const END_NUMBER = 70;
const END_CONTAINER = 71;

const DIGITS = '0123456789';
const WHITE_SPACE = ' \t\n\r';

/** The state that a value's first byte leads to. */
const FIRST_STATES = buildFirstStates();
/** The automaton: `state << 8 | byte` -> a state or an action. */
const NEXT = buildTransitions();
/** 1 for every byte that means nothing but itself within a string. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) => (NEXT[(STRING << 8) | byte] === STRING ? 1 : 0));

function buildFirstStates(): Uint8Array {
  const states = new Uint8Array(256);
  const starts: [string, number][] = [
    ['{', FIRST_KEY],
    ['[', FIRST_ELEMENT],
    ['"', STRING],
    ['-', MINUS],
    ['0', ZERO],
    ['123456789', INTEGER],
    ['t', T],
    ['f', F],
    ['n', N],
  ];
  for (const [bytes, state] of starts) for (const byte of Buffer.from(bytes)) states[byte] = state;
  return states;
}

function buildTransitions(): Uint8Array {
  const table = new Uint8Array(STATES << 8).fill(FAIL);
  const on = (state: number, bytes: string, next: number) => {
    for (const byte of Buffer.from(bytes, 'latin1')) table[(state << 8) | byte] = next;
  };
  const spell = (word: string, first: number) => {
    for (let i = 1; i < word.length; i++) {
      on(first + i - 1, word.charAt(i), i === word.length - 1 ? END_LITERAL : first + i);
    }
  };

  for (const state of [VALUE, FIRST_ELEMENT, AFTER_ELEMENT, FIRST_KEY, KEY, COLON, AFTER_MEMBER, OVER]) {
    on(state, ' \t', state);
    on(state, '\n\r', LINE_BREAK);
  }
  for (const state of [START, VALUE, FIRST_ELEMENT]) on(state, '{["-0123456789tfn', BEGIN_VALUE);
  // White space leaves START as well: only the first bytes of all can be a byte order mark.
  on(START, WHITE_SPACE, VALUE);
  on(START, '\xef', MARK);
  on(MARK, '\xbb', MARK + 1);
  on(MARK + 1, '\xbf', VALUE);

  for (const state of [FIRST_KEY, KEY]) on(state, '"', BEGIN_KEY);
  on(COLON, ':', VALUE);
  on(AFTER_MEMBER, ',', KEY);
  on(AFTER_ELEMENT, ',', VALUE);
  for (const state of [FIRST_KEY, AFTER_MEMBER]) on(state, '}', END_CONTAINER);
  for (const state of [FIRST_ELEMENT, AFTER_ELEMENT]) on(state, ']', END_CONTAINER);

  table.fill(STRING, (STRING << 8) | 0x20, (STRING + 1) << 8);
  on(STRING, '"', END_STRING);
  on(STRING, '\\', ESCAPE);
  on(ESCAPE, '"\\/bfnrt', STRING);
  on(ESCAPE, 'u', HEX);
  for (let i = 0; i < 4; i++) on(HEX + i, `${DIGITS}abcdefABCDEF`, i === 3 ? STRING : HEX + i + 1);

  for (const state of [ZERO, INTEGER, FRACTION, EXPONENT_DIGITS]) on(state, `${WHITE_SPACE},]}`, END_NUMBER);
  on(MINUS, '123456789', INTEGER);
  on(MINUS, '0', ZERO);
  on(INTEGER, DIGITS, INTEGER);
  for (const state of [ZERO, INTEGER]) on(state, '.', POINT);
  for (const state of [POINT, FRACTION]) on(state, DIGITS, FRACTION);
  for (const state of [ZERO, INTEGER, FRACTION]) on(state, 'eE', EXPONENT);
  on(EXPONENT, '+-', EXPONENT_SIGN);
  for (const state of [EXPONENT, EXPONENT_SIGN, EXPONENT_DIGITS]) on(state, DIGITS, EXPONENT_DIGITS);

  spell('true', T);
  spell('false', F);
  spell('null', N);
  return table;
}

/** What `advance` stopped at; `none` is the end of the chunk. */
export type JsonEvent = 'none' | 'key_begin' | 'key_end' | 'value_begin' | 'value_end';

/** Reads one JSON text, chunk by chunk. */
export class JsonSyntax {
  /** Keys and values inside more containers than this are checked but not reported. */
  watchedDepth = 0;
  event: JsonEvent = 'none';
  /** How many containers are around the key or value of the event. */
  eventDepth = 0;
  /** Set at each line break between tokens, for the caller to clear. */
  sawLineBreak = false;

  private state = START;
  private inKey = false;
  private depth = 0;
  /** One bit for each open container: 1 for an object. */
  private containers = new Uint8Array(16);
  private consumedBytes = 0;

  /**
   * Reads on from `from`, up to the next event or the end of the chunk, and returns how far it came. A begin is
   * reported right after its first byte, an end right after its last. Throws AppError invalid_json.
   */
  advance(bytes: Uint8Array, from: number): number {
    let state = this.state;
    let at = from;
    this.event = 'none';
    // The indices are in range by construction, which the compiler cannot see: hence `as number` here.
    while (at < bytes.length) {
      if (state === STRING) {
        while (at < bytes.length && PLAIN[bytes[at] as number] === 1) at += 1;
        if (at === bytes.length) break;
      }
      const byte = bytes[at] as number;
      at += 1;
      const next = NEXT[(state << 8) | byte] as number;
      if (next < FIRST_ACTION) {
        state = next;
        continue;
      }
      if (next === LINE_BREAK) {
        this.sawLineBreak = true;
        continue;
      }
      if (next === FAIL) throw this.syntaxError(at - from);
      // The byte after a number belongs to what follows it: it is read again, in the state after the value.
      if (next === END_NUMBER) at -= 1;
      state = this.act(next, byte);
      if (this.eventDepth <= this.watchedDepth) return this.stop(state, from, at);
    }
    this.event = 'none';
    return this.stop(state, from, at);
  }

  /** The body is over. Throws AppError invalid_json when the text is not. */
  end(): void {
    const isNumberAlone =
      this.depth === 0 && [ZERO, INTEGER, FRACTION, EXPONENT_DIGITS].some((state) => state === this.state);
    if (this.state === OVER || isNumberAlone) return;
    const details =
      this.consumedBytes === 0
        ? 'The body is empty.'
        : `The body ends after byte ${this.consumedBytes}, before its JSON is complete.`;
    throw new AppError('invalid_json', { details });
  }

  private stop(state: number, from: number, at: number): number {
    this.state = state;
    this.consumedBytes += at - from;
    return at;
  }

  /** Does what an action asks for, leaves the event, and returns the next state. */
  private act(action: number, byte: number): number {
    if (action === BEGIN_KEY) {
      this.inKey = true;
      this.report('key_begin');
      return STRING;
    }
    if (action === END_STRING && this.inKey) {
      this.inKey = false;
      this.report('key_end');
      return COLON;
    }
    if (action === BEGIN_VALUE) {
      this.report('value_begin');
      const state = FIRST_STATES[byte] as number;
      if (state === FIRST_KEY || state === FIRST_ELEMENT) this.open(state === FIRST_KEY);
      return state;
    }
    if (action === END_CONTAINER) this.depth -= 1;
    this.report('value_end');
    if (this.depth === 0) return OVER;
    return this.isInObject() ? AFTER_MEMBER : AFTER_ELEMENT;
  }

  private report(event: JsonEvent): void {
    this.event = event;
    this.eventDepth = this.depth;
  }

  private open(isObject: boolean): void {
    const index = this.depth >> 3;
    if (index === this.containers.length) {
      const larger = new Uint8Array(index * 2);
      larger.set(this.containers);
      this.containers = larger;
    }
    const bit = 1 << (this.depth & 7);
    const others = (this.containers[index] as number) & ~bit;
    this.containers[index] = isObject ? others | bit : others;
    this.depth += 1;
  }

  private isInObject(): boolean {
    const top = this.depth - 1;
    return (((this.containers[top >> 3] as number) >> (top & 7)) & 1) === 1;
  }

  private syntaxError(bytesOfThisCall: number): AppError {
    return new AppError('invalid_json', {
      details: `Syntax error at byte ${this.consumedBytes + bytesOfThisCall}.`,
    });
  }
}
