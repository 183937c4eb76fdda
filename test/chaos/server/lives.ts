import { type ControlServer, controlServer } from '../../support/api-stage.ts'

export interface Said {
  readonly status: number
  readonly body: unknown
}

/** The lives of a server on one store, one after another. */
export class Lives {
  readonly #store: string
  readonly #folder: string
  #server: ControlServer
  #isOpen = false
  #url = ''
  #whenOpen: (() => void)[] = []

  constructor(store: string, folder: string) {
    this.#store = store
    this.#folder = folder
    this.#server = controlServer(store, folder)
  }

  /** Resolves when the server of this life listens; false if it was killed before. */
  async listens(): Promise<boolean> {
    this.#url = (await this.#server.url) ?? ''
    return this.#url !== ''
  }

  /** Lets clients send requests. */
  open(): void {
    this.#isOpen = true
    for (const enter of this.#whenOpen.splice(0)) enter()
  }

  /** Ends this life by SIGKILL. */
  async kill(): Promise<void> {
    this.#isOpen = false
    await this.#server.kill()
  }

  begin(): void {
    this.#server = controlServer(this.#store, this.#folder)
  }

  /** Asks the present server. Rejects if the server is killed meanwhile. */
  async ask(method: string, path: string, body?: unknown): Promise<Said> {
    const isForm = body instanceof FormData
    const response = await fetch(this.#url + path, {
      method,
      ...(body === undefined || isForm ? {} : { headers: { 'content-type': 'application/json' } }),
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? null : JSON.parse(text) }
  }

  /** Resolves once clients may send requests. */
  async entered(): Promise<void> {
    if (!this.#isOpen) await new Promise<void>((resolve) => this.#whenOpen.push(resolve))
  }

  /** Asks as a client. Undefined if no answer came: then the effect is unknown. */
  async tell(method: string, path: string, body?: unknown): Promise<Said | undefined> {
    try {
      return await this.ask(method, path, body)
    } catch {
      return undefined
    }
  }
}
