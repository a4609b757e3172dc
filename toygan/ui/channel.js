// Listens to the channel of keyframes for as long as the page watches something, and comes back when the line breaks.

const RETRIES = [200, 800, 3000, 10000, 30000]; // ms before each new attempt, and between all after it
const HANDSHAKE = 3000; // ms after which a line that is still being opened counts as broken: a proxy may never answer
const PATIENT = 2; // attempts in a row that may fail before the page is told to send keyframes another way

class Channel {
  constructor(root) {
    this.root = root;
    this.failed = 0; // attempts in a row that brought nothing
    this.timer = 0;
    this.handshake = 0;
  }

  update({ data, setTriggerValue, parentElement }) {
    hide(parentElement);
    this.tell = setTriggerValue;
    this.refused = data.refused;
    if (data.address === this.address && this.works(data.heard)) return;
    this.address = data.address;
    this.failed = 0;
    this.open();
  }

  /** Whether to leave the line as it is. After a sleep it can be open here, while the server has long given it up. */
  works(heard) {
    const state = this.socket?.readyState;
    return this.timer || state === WebSocket.CONNECTING || (state === WebSocket.OPEN && heard);
  }

  open() {
    this.close();
    const url = new URL(this.address, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = (this.socket = new WebSocket(url));
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.receive(data);
    socket.onclose = () => socket === this.socket && this.retry();
    this.handshake = setTimeout(() => socket.readyState === WebSocket.CONNECTING && socket.close(), HANDSHAKE);
  }

  receive(data) {
    this.failed = 0;
    if (typeof data === "string") this.tell(data, performance.now());
    else hand(new Uint8Array(data));
  }

  retry() {
    if (!this.root.isConnected) return;
    this.failed += 1;
    if (this.failed >= PATIENT && !this.refused) this.tell("refused", performance.now());
    this.timer = setTimeout(() => this.open(), RETRIES[Math.min(this.failed, RETRIES.length) - 1]);
  }

  close() {
    clearTimeout(this.timer);
    clearTimeout(this.handshake);
    this.timer = 0;
    const { socket } = this;
    this.socket = null;
    socket?.close();
  }

  destroy() {
    this.close();
  }
}

export default function channel(component) {
  return mountOnce(component, null, "channels", Channel);
}
