import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** A fenced block of a page. */
export interface CodeBlock {
  readonly language: string
  readonly text: string
}

export async function codeBlocksOf(page: string): Promise<readonly CodeBlock[]> {
  const fences = (await readFile(page, 'utf8')).matchAll(/^```(\w*)\n(.*?)^```$/gms)
  return [...fences].map(([, language = '', text = '']) => ({ language, text }))
}

/** Writes each block whose first line is a comment with a file's name into that file, as a reader of the page does. */
export async function writeNamedFiles(blocks: readonly CodeBlock[], folder: string): Promise<readonly string[]> {
  const names: string[] = []
  for (const { text } of blocks) {
    const [, name] = /^\/\/ (\S+\.m?[jt]s)\n/.exec(text) ?? []
    if (name === undefined) continue
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
    names.push(name)
  }
  return names
}
