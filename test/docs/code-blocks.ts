import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** A fenced block of a page. */
export interface CodeBlock {
  readonly language: string
  readonly text: string
}

export function codeBlocksOf(page: string): readonly CodeBlock[] {
  const fences = readFileSync(page, 'utf8').matchAll(/^```(\w*)\n(.*?)^```$/gms)
  return [...fences].map(([, language = '', text = '']) => ({ language, text }))
}

/** The blocks whose first line is a comment with the name of a file, by this name. */
export function namedFilesOf(blocks: readonly CodeBlock[]): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const { text } of blocks) {
    const [, name] = /^(?:\/\/|#) (\S+\.(?:m?[jt]s|py))\n/.exec(text) ?? []
    if (name !== undefined) files.set(name, text)
  }
  return files
}

/** Writes the files into a folder, as a reader of the page does. */
export async function writeFiles(files: ReadonlyMap<string, string>, folder: string): Promise<void> {
  for (const [name, text] of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}
