// The account page: revoking and rotating ask first, and a new key is ready to be copied.

import "./people.js";
import { element } from "./page.js";

element("#secret")?.select();
