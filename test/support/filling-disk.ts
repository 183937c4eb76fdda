import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/**
 * Simulates a full disk. Loaded before a program (`node --import`); while the file exists that the parameter `mark` of
 * this module's URL names, the program's calls of the file system fail as on a full disk. The parameter `where`
 * restricts the faults to `store` or `models`.
 */
const asked = new URL(import.meta.url).searchParams
const [mark, where] = [asked.get('mark') ?? '', asked.get('where')]
const isFull = () => fs.statSync(mark, { throwIfNoEntry: false }) !== undefined

const { statfsSync } = fs
const { open } = fs.promises
if (where !== 'models')
  Object.assign(fs, {
    statfsSync: (...given: Parameters<typeof statfsSync>) => ({
      ...statfsSync(...given),
      ...(isFull() ? { bavail: 0 } : {}),
    }),
  })
if (where !== 'store')
  Object.assign(fs.promises, {
    open: (...given: Parameters<typeof open>) =>
      (given[1] === 'w' || given[1] === 'wx') && isFull()
        ? Promise.reject(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }))
        : open(...given),
  })
syncBuiltinESMExports()
