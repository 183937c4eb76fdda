import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/**
 * Characters that move the cursor or colour the terminal (the controls of C0 and C1), turn the direction of what follows, or
 * begin a line.
 */
const commanding = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** Escapes these characters, so that text of others can't control the terminal. */
export function printable(text: string): string {
  return text.replace(commanding, escaped)
}

/** Escapes the text of each line, and keeps line breaks. */
function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

/** Escapes text of several lines and indents each line after the first, so that no text looks like a line of its own. */
export function indentedLines(text: string): string {
  return printableLines(text).replace(/\n(?! {2})/g, '\n  ')
}

/** Escapes these characters in JSON, which stays JSON of the same value. Line breaks between tokens stay. */
function printableJson(json: string): string {
  return json.replace(commanding, (character) => (character === '\n' ? character : unicode(character)))
}

/** Whether a text has characters that control the terminal. */
function isCommanding(text: string): boolean {
  return text.search(commanding) >= 0
}

function escaped(character: string): string {
  const short = JSON.stringify(character).slice(1, -1)
  return short === character ? unicode(character) : short
}

function unicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Formats of a command's result: `table` for people, the others for programs. */
export const formats = ['table', 'json', 'yaml', 'name'] as const
export type Format = (typeof formats)[number]

/** A value in JSON, with characters escaped that control the terminal. */
export function jsonOf(value: unknown, indent = 0): string {
  return printableJson(JSON.stringify(value, undefined, indent))
}

/** A value in YAML, with characters escaped that control the terminal, which only double quotes allow. */
export function yamlOf(value: unknown): string {
  // Loaded for this format alone.
  const { Document, visit }: typeof import('yaml') = require('yaml')
  const document = new Document(value)
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && isCommanding(node.value.replaceAll('\n', ''))) node.type = 'QUOTE_DOUBLE'
    },
  })
  return printableJson(document.toString()).trimEnd()
}
