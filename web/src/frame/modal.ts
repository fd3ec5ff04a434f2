/** A `<dialog>` that opens with its element; closing it by Escape or by a click beside it tells the owner. */
export function modal(close: () => void) {
  return (dialog: HTMLDialogElement) => {
    dialog.showModal()
    const beside = (event: MouseEvent) => event.target === dialog && close()
    dialog.addEventListener('close', close)
    dialog.addEventListener('click', beside)
    return () => {
      dialog.removeEventListener('close', close)
      dialog.close()
    }
  }
}
