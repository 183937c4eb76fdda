/** How a command's result is written: for people, or for programs. */
export const formats = ['table', 'json', 'yaml', 'name'] as const
export type Format = (typeof formats)[number]
