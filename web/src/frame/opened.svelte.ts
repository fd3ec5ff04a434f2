/** What lies over the page at this moment, and the short word at its foot. */
class Opened {
  palette = $state(false)
  keys = $state(false)
  time = $state(false)
  me = $state(false)
  said = $state('')
  /** What has come while nobody looked: said in the title of the tab. */
  missed = $state(0)
  #timer: ReturnType<typeof setTimeout> | undefined

  say(text: string) {
    this.said = text
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => (this.said = ''), 2500)
  }
}

export const opened = new Opened()
